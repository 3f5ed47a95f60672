# A NixOS VM test that boots a cluster's own hosts, with the addresses that they have:
#   clusterTest { name, hosts, modules, script }
#     name      of the test
#     hosts     { host1 = ./hosts/host1.nix; ... }
#     modules   of every host, besides those of meshimg
#     script    Python, behind that of vm_test.py; it has the hosts by name, and MTU
# The underlay is the test's first VLAN. The containers' image is made by pkgs.dockerTools: no network is needed.
{
  name,
  hosts,
  modules ? [ ],
  script ? ''
    start_all()
    containers = start_containers(machines)
    with subtest("containers reach each other"):
        ping_matrix(containers)
    with subtest("a packet of exactly the MTU passes, and one byte more does not"):
        full_packets(containers, MTU)
  '',
}:
{ lib, ... }:
let
  node =
    hostName: file:
    {
      config,
      lib,
      pkgs,
      ...
    }:
    let
      cfg = config.services.meshimg;
      family = if lib.hasInfix ":" cfg.address then "ipv6" else "ipv4";
      prefixLength = if family == "ipv6" then 128 else 32;
      route = peer: {
        inherit (peer) address;
        inherit prefixLength;
      };
    in
    {
      imports = [
        ./default.nix
        file
      ]
      ++ modules;

      virtualisation.vlans = [ 1 ];
      virtualisation.memorySize = 1024;
      # The test's NIC is eth1, whatever the underlay's is called; peers are on the link, however far their addresses are apart.
      services.meshimg.underlay.interface = lib.mkForce null;
      networking.hostName = lib.mkForce hostName;
      networking.interfaces.eth1 = {
        inherit (cfg.underlay) mtu;
        ${family} = {
          addresses = lib.mkForce [
            {
              inherit (cfg) address;
              inherit prefixLength;
            }
          ];
          routes = map route (lib.attrValues cfg.peers);
        };
      };

      environment.systemPackages = [ pkgs.iputils ];
      environment.etc."meshimg-probe.tar.gz".source = pkgs.dockerTools.buildLayeredImage {
        name = "meshimg-probe";
        tag = "latest";
        contents = [ pkgs.busybox ];
        config.Cmd = [
          "/bin/sleep"
          "2147483647"
        ];
      };
    };
in
{
  inherit name;
  nodes = lib.mapAttrs node hosts;
  testScript =
    { nodes, ... }:
    lib.concatStringsSep "\n" [
      (builtins.readFile ./vm_test.py)
      "MTU = ${toString (lib.head (lib.attrValues nodes)).services.meshimg.mesh.mtu}"
      script
    ];
}
