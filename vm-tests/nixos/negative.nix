import ../../modules/cluster-test.nix {
  name = "meshimg-negative";
  hosts = import ./hosts.nix;
  script = builtins.readFile ./negative.py;
}
