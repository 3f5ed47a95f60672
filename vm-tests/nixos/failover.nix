import ../../modules/cluster-test.nix {
  name = "meshimg-failover";
  hosts = import ./hosts.nix;
  script = builtins.readFile ./failover.py;
}
