# What the tests that have a nixpkgs ask of it.
{ nixpkgs }:
let
  inherit (nixpkgs) lib;
  system = "x86_64-linux";
  failed = config: map (it: it.message) (lib.filter (it: !it.assertion) config.assertions);

  # A host of the VM tests with a change.
  host =
    change:
    alone [
      ../../vm-tests/nixos/hosts/host1.nix
      change
    ];
  alone =
    more:
    (lib.nixosSystem {
      modules = [
        ../../modules/default.nix
        ../../modules/image.nix
        {
          nixpkgs.hostPlatform = system;
          system.stateVersion = "24.11";
        }
      ]
      ++ more;
    }).config;

  # What the modules say of a host, and their firewall rules; NixOS has some of its own.
  said = config: {
    failed = lib.filter (lib.hasPrefix "services.meshimg") (failed config);
    rules = lib.filter (lib.hasInfix "gre") (
      lib.splitString "\n" (
        config.networking.firewall.extraCommands + config.networking.firewall.extraInputRules
      )
    );
  };

  inherit (lib) mkForce;
  meshimg = value: { services.meshimg = value; };
  changes = {
    nothing = { };
    nftables.networking.nftables.enable = true;
    same-slice = meshimg { peers.host2.slice = mkForce "172.17.64.0/18"; };
    overlapping-slice = meshimg { peers.host2.slice = mkForce "172.17.96.0/20"; };
    link-to-itself = meshimg { mesh.links.gre1.peer = mkForce "host1"; };
    unknown-peer = meshimg { mesh.links.gre1.peer = mkForce "host9"; };
    mtu-above-underlay = meshimg { mesh.mtu = mkForce 1500; };
    loop-without-protection = meshimg { mesh.loopProtection = mkForce "none"; };
    iptables-rules-with-nftables.networking = {
      nftables.enable = true;
      firewall.extraCommands = "iptables -A INPUT -p tcp --dport 80 -j ACCEPT";
    };
    docker-disabled.virtualisation.docker.enable = false;
    firewall-disabled.networking.firewall.enable = false;
    same-address = meshimg { peers.host2.address = mkForce "192.0.2.1"; };
    address-in-slice = meshimg { containers.address = mkForce "172.17.64.1"; };
    owned-setting = meshimg { docker.settings.bridge = "br1"; };
    half-a-source = meshimg { openVSwitch.source.version = "3.5.0"; };
  };
in
{
  inherit (lib.trivial) release;

  # The messages of failed assertions, and the firewall's rules, by change.
  changed = lib.mapAttrs (_: said) (
    lib.mapAttrs (_: host) changes // { nothing-set = alone [ { services.meshimg.enable = true; } ]; }
  );

  # What docker.service has, and what it must not have.
  docker =
    let
      config = host { };
    in
    {
      inherit (config.systemd.services.docker) after wants;
      settings = config.virtualisation.docker.daemon.settings;
      forwarding = config.boot.kernel.sysctl."net.ipv4.conf.all.forwarding";
    };

  # Open vSwitch is built from a given source.
  source =
    let
      inherit
        ((host (meshimg {
          openVSwitch.source = {
            version = "3.5.0";
            url = "https://archive.example/openvswitch-3.5.0.tar.gz";
            hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
          };
        })).virtualisation.vswitch
        )
        package
        ;
    in
    {
      inherit (package) version;
      inherit (package.src) url;
      derivation = package.drvPath;
      mends = lib.hasSuffix "mend-open-vswitch .\n" package.postPatch;
    };

  # A folder that `meshimg nixos` wrote.
  cluster =
    folder:
    let
      outputs = (import (folder + "/flake.nix")).outputs {
        inherit nixpkgs;
        meshimg = (import (folder + "/meshimg/flake.nix")).outputs { };
      };
      first = lib.head (lib.attrNames outputs.nixosConfigurations);
    in
    {
      hosts = lib.mapAttrs (
        _: it:
        let
          words = import ../../modules/words.nix {
            inherit lib;
            cfg = it.config.services.meshimg;
          };
        in
        {
          failed = failed it.config;
          inherit (it.config) warnings;
          toplevel = it.config.system.build.toplevel.drvPath;
          inherit (words) bridge tunnels configuration;
          # The unit reads just that.
          runs = lib.hasSuffix " up ${it.pkgs.writeText "meshimg-mesh.conf" words.configuration}" it.config.systemd.services.meshimg-mesh.serviceConfig.ExecStart;
          daemon = it.config.virtualisation.docker.daemon.settings;
        }
      ) outputs.nixosConfigurations;
      driver = outputs.checks.${system}.mesh.driver.drvPath;
      # A host's images take as long as the host itself, and are all made alike.
      names = lib.attrNames outputs.packages.${system};
      images = lib.mapAttrs (_: image: image.drvPath) (
        lib.getAttrs [
          "${first}-image"
          "${first}-digital-ocean-image"
        ] outputs.packages.${system}
      );
    };
}
