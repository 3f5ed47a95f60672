import ../../modules/cluster-test.nix {
  name = "meshimg-reboot";
  hosts = import ./hosts.nix;
  script = builtins.readFile ./reboot.py;
}
