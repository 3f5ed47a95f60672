{
  description = "One cluster.yaml to a proven Open vSwitch mesh between Docker hosts";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      modules = (import ./modules/flake.nix).outputs { };
      each =
        outputs:
        lib.genAttrs [
          "x86_64-linux"
          "aarch64-linux"
        ] (system: outputs nixpkgs.legacyPackages.${system});
      # The modules' evaluation is a check of its own: a host of the VM tests, to its toplevel.
      host =
        pkgs:
        lib.nixosSystem {
          modules = [
            self.nixosModules.default
            self.nixosModules.image
            ./vm-tests/nixos/hosts/host1.nix
            {
              nixpkgs.hostPlatform = pkgs.stdenv.hostPlatform.system;
              system.stateVersion = "24.11";
            }
          ];
        };
    in
    {
      inherit (modules) nixosModules lib;

      overlays.default = final: _: { meshimg = final.callPackage ./nixos/package.nix { }; };

      packages = each (pkgs: rec {
        meshimg = pkgs.callPackage ./nixos/package.nix { };
        default = meshimg;
      });

      apps = each (pkgs: rec {
        meshimg = {
          type = "app";
          program = lib.getExe self.packages.${pkgs.stdenv.hostPlatform.system}.meshimg;
          meta.description = "The command line of meshimg";
        };
        default = meshimg;
      });

      devShells = each (pkgs: {
        # What scripts/install installs on Debian, but for mmdebstrap, which nixpkgs has not got: images are built on Debian.
        default = pkgs.mkShell {
          packages = [
            pkgs.cargo
            pkgs.chromium
            pkgs.clippy
            pkgs.docker
            pkgs.e2fsprogs
            pkgs.gnupg
            pkgs.iproute2
            pkgs.nix
            pkgs.openssh
            pkgs.openvswitch
            pkgs.python3
            pkgs.qemu
            pkgs.rustc
            pkgs.rustfmt
            pkgs.shadow
            pkgs.shellcheck
            pkgs.util-linux
            pkgs.wireshark-cli
          ];
        };
      });

      formatter = each (
        pkgs: if lib.versionAtLeast lib.trivial.release "25.11" then pkgs.nixfmt else pkgs.nixfmt-rfc-style
      );

      templates.default = {
        path = ./examples/three-hosts;
        description = "A cluster of three hosts; then: meshimg nixos cluster.yaml -o .";
      };

      checks = each (
        pkgs:
        import ./nixos/checks.nix {
          inherit pkgs;
          inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) meshimg;
        }
        // {
          modules = (host pkgs).config.system.build.toplevel;
        }
      );
    };
}
