# The hosts of examples/three-hosts, as `meshimg nixos` writes them; a test of meshimg keeps hosts/ so.
{
  host1 = ./hosts/host1.nix;
  host2 = ./hosts/host2.nix;
  host3 = ./hosts/host3.nix;
}
