# The modules as a flake of their own: `meshimg nixos` puts them beside what it writes. No inputs: a cluster's flake has its nixpkgs.
{
  description = "NixOS modules of meshimg";

  outputs = _: {
    nixosModules = {
      default = ./default.nix;
      image = ./image.nix;
    };
    lib = {
      cluster = import ./cluster.nix;
      clusterTest = import ./cluster-test.nix;
    };
  };
}
