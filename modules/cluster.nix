# The outputs of a cluster's flake:
#   cluster { nixpkgs, name, hosts, modules }
#     nixpkgs   the flake input
#     name      of the cluster
#     hosts     { host1 = ./hosts/host1.nix; ... }
#     modules   of every host, besides those of meshimg
{
  nixpkgs,
  name,
  hosts,
  modules ? [ ],
}:
let
  inherit (nixpkgs) lib;
  systems = [
    "x86_64-linux"
    "aarch64-linux"
  ];

  host =
    system: file: more:
    lib.nixosSystem {
      modules = [
        ./default.nix
        file
        {
          nixpkgs.hostPlatform = lib.mkDefault system;
          # The release that this host was first installed with; to be set to yours.
          system.stateVersion = lib.mkDefault "24.11";
        }
      ]
      ++ modules
      ++ more;
    };
  digitalOcean = nixpkgs + "/nixos/modules/virtualisation/digital-ocean-image.nix";

  images =
    system:
    lib.concatMapAttrs (
      hostName: file:
      {
        "${hostName}-image" = (host system file [ ./image.nix ]).config.system.build.meshimgImage;
      }
      // lib.optionalAttrs (system == "x86_64-linux") {
        # There are no droplets of another kind.
        "${hostName}-digital-ocean-image" =
          (host system file [ digitalOcean ]).config.system.build.digitalOceanImage;
      }
    ) hosts;
in
{
  nixosConfigurations = lib.mapAttrs (_: file: host "x86_64-linux" file [ ./image.nix ]) hosts;

  packages = lib.genAttrs systems images;

  checks = lib.genAttrs systems (system: {
    mesh = nixpkgs.legacyPackages.${system}.testers.runNixOSTest (
      import ./cluster-test.nix {
        name = "${name}-mesh";
        inherit hosts modules;
      }
    );
  });
}
