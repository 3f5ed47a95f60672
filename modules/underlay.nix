# The network that connects the hosts already: its MTU, and its NIC where this host is to configure it.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.meshimg;
  inherit (cfg) underlay;
  meshimg = import ./lib.nix { inherit lib; };
  isIpv6 = meshimg.isIpv6 cfg.address;
in
{
  options.services.meshimg.underlay = {
    mtu = mkOption {
      type = types.ints.between 576 65535;
      default = 1500;
      example = 9000;
      description = "The smallest MTU that the underlay carries between any two hosts, bytes.";
    };

    interface = mkOption {
      type = types.nullOr meshimg.types.interface;
      default = null;
      example = "eth1";
      description = "The NIC that gets `services.meshimg.address`; with `null` the underlay is configured by something else.";
    };

    prefixLength = mkOption {
      type = types.ints.between 1 128;
      default = 24;
      example = 26;
      description = "The length of the on-link prefix on `services.meshimg.underlay.interface`.";
    };

    gateway = mkOption {
      type = types.nullOr meshimg.types.address;
      default = null;
      example = "192.0.2.254";
      description = "The next hop of the default route on `services.meshimg.underlay.interface`; `null` for none.";
    };

    management = mkOption {
      type = types.nullOr meshimg.types.interface;
      default = null;
      example = "eth0";
      description = "A second NIC that gets its address by DHCP, so that this host stays reachable by it; `null` for none.";
    };
  };

  config = lib.mkIf (cfg.enable && underlay.interface != null) {
    networking = lib.mkMerge [
      {
        interfaces.${underlay.interface} = {
          inherit (underlay) mtu;
          ${if isIpv6 then "ipv6" else "ipv4"}.addresses = [
            {
              inherit (cfg) address;
              inherit (underlay) prefixLength;
            }
          ];
        };
      }
      (lib.mkIf (underlay.gateway != null) {
        ${if isIpv6 then "defaultGateway6" else "defaultGateway"} = {
          address = underlay.gateway;
          inherit (underlay) interface;
        };
      })
      (lib.mkIf (underlay.management != null) {
        interfaces.${underlay.management}.useDHCP = true;
      })
    ];

    assertions = [
      {
        assertion = underlay.management != underlay.interface;
        message = "services.meshimg.underlay.management is ${underlay.interface}, which is the underlay's own NIC: name the other one, or set it to null.";
      }
    ];
  };
}
