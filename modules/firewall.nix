# The tunnels have no authentication: their protocol is let in from the peers alone, by iptables or by nftables, whichever this host has.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.meshimg;
  inherit (config.networking) firewall nftables;
  meshimg = import ./lib.nix { inherit lib; };

  peers = lib.filter (address: address != null) (
    lib.mapAttrsToList (_: peer: peer.address) cfg.peers
  );
  port =
    {
      vxlan = 4789;
      geneve = 6081;
    }
    .${cfg.mesh.tunnel} or null;

  iptables =
    address:
    let
      what = if port == null then "-p gre" else "-p udp --dport ${toString port}";
      program = if meshimg.isIpv6 address then "ip6tables" else "iptables";
    in
    "${program} -w -A nixos-fw ${what} -s ${address} -j nixos-fw-accept\n";

  nft =
    family: addresses:
    lib.optionalString (addresses != [ ]) (
      let
        what = if port == null then "meta l4proto gre" else "udp dport ${toString port}";
      in
      "${family} saddr { ${lib.concatStringsSep ", " addresses} } ${what} accept\n"
    );
  split = lib.partition meshimg.isIpv6 peers;
in
{
  options.services.meshimg.firewall.enable = mkOption {
    type = types.bool;
    default = true;
    example = false;
    description = "Whether the tunnels' protocol is let in from the peers alone. Without it something else must do so: whoever can send to this host could put frames into every container's network.";
  };

  config = lib.mkIf (cfg.enable && cfg.firewall.enable) {
    networking.firewall.extraCommands = lib.mkIf (!nftables.enable) (
      lib.concatMapStrings iptables peers
    );
    networking.firewall.extraInputRules = lib.mkIf nftables.enable (
      nft "ip6" split.right + nft "ip" split.wrong
    );

    assertions = [
      {
        assertion = firewall.enable;
        message = "services.meshimg lets tunnels in from the peers alone, and networking.firewall.enable is false, so they would come from everywhere: remove that line, or set services.meshimg.firewall.enable = false and see to it elsewhere.";
      }
      {
        assertion = !(nftables.enable && firewall.extraCommands != "");
        message = "services.meshimg: networking.firewall.extraCommands has rules of iptables, and networking.nftables.enable is true: say the same in networking.firewall.extraInputRules, in the words of nft, or set networking.nftables.enable = false.";
      }
      {
        assertion = !(firewall.allowedUDPPorts != [ ] && lib.elem port firewall.allowedUDPPorts);
        message = "services.meshimg: networking.firewall.allowedUDPPorts lets ${toString port}, the tunnels' port, in from everywhere: remove it there, the peers are let in already.";
      }
    ];
  };
}
