# services.meshimg: a host of a mesh between Docker hosts. `meshimg nixos` writes its values; nothing is decided here.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.meshimg;
  meshimg = import ./lib.nix { inherit lib; };
  inherit (meshimg) unique;
  peers = lib.attrValues cfg.peers;
in
{
  imports = [
    ./access.nix
    ./docker.nix
    ./firewall.nix
    ./mesh.nix
    ./open-vswitch.nix
    ./underlay.nix
  ];

  options.services.meshimg = {
    enable = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = "Whether this host is part of a mesh: an Open vSwitch bridge with tunnels to its peers, and Docker's bridge on top.";
    };

    cluster = mkOption {
      type = types.str;
      default = "mesh";
      example = "demo";
      description = "The name of the cluster.";
    };

    host = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "host1";
      description = "The name of this host, which it also gets as its `networking.hostName`. It must be set.";
    };

    address = mkOption {
      type = types.nullOr meshimg.types.address;
      default = null;
      example = "192.0.2.1";
      description = "The address of this host on the underlay, the network that connects the hosts already. It must be set.";
    };

    peers = mkOption {
      type = types.attrsOf (
        types.submodule {
          options = {
            address = mkOption {
              type = types.nullOr meshimg.types.address;
              default = null;
              example = "192.0.2.2";
              description = "The address of the peer on the underlay. It must be set.";
            };
            containerAddress = mkOption {
              type = types.nullOr meshimg.types.ipv4;
              default = null;
              example = "172.17.42.2";
              description = "The address of the peer's Docker bridge, to find two hosts with one address; `null` where it is not known.";
            };
            slice = mkOption {
              type = types.nullOr meshimg.types.subnet;
              default = null;
              example = "172.17.128.0/18";
              description = "The addresses that the peer's Docker hands out, to find two hosts that hand out the same; `null` where it is not known.";
            };
          };
        }
      );
      default = { };
      example = {
        host2 = {
          address = "192.0.2.2";
          containerAddress = "172.17.42.2";
          slice = "172.17.128.0/18";
        };
      };
      description = "The other hosts of the cluster, by name. Tunnel packets are let in from these alone.";
    };
  };

  config = lib.mkIf cfg.enable {
    # Before a default such as that of an image, behind what a user says.
    networking.hostName = lib.mkIf (cfg.host != null) (lib.mkOverride 900 cfg.host);

    assertions = [
      {
        assertion = cfg.host != null;
        message = "services.meshimg.host is not set: give this host the name that it has in cluster.yaml.";
      }
      {
        assertion = cfg.address != null;
        message = "services.meshimg.address is not set: give this host's address on the underlay.";
      }
      {
        assertion = cfg.host == null || !(cfg.peers ? ${cfg.host});
        message = "services.meshimg.peers has ${toString cfg.host}, which is this host: remove it, a host is no peer of its own.";
      }
      {
        assertion = unique ([ cfg.address ] ++ map (peer: peer.address) peers);
        message = "services.meshimg: two hosts have one address on the underlay: give each of services.meshimg.address and services.meshimg.peers.<name>.address its own.";
      }
    ]
    ++ lib.mapAttrsToList (name: peer: {
      assertion = peer.address != null;
      message = "services.meshimg.peers.${name}.address is not set: give ${name}'s address on the underlay.";
    }) cfg.peers;
  };
}
