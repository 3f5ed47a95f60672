import ../../modules/cluster-test.nix {
  name = "meshimg-mesh";
  hosts = import ./hosts.nix;
  script = builtins.readFile ./mesh.py;
}
