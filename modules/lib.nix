# What several of the modules need: types, and sums with IPv4 addresses.
{ lib }:
let
  inherit (lib) types;

  # "192.0.2.1" as a number.
  number =
    address: lib.foldl' (sum: octet: sum * 256 + lib.toInt octet) 0 (lib.splitString "." address);

  # How many addresses a prefix of this length has.
  size = length: lib.foldl' (product: _: product * 2) 1 (lib.range 1 (32 - length));

  # The first address of "192.0.2.0/24", and how many it has.
  block =
    subnet:
    let
      parts = lib.splitString "/" subnet;
      addresses = size (lib.toInt (lib.elemAt parts 1));
    in
    {
      first = (number (lib.elemAt parts 0)) / addresses * addresses;
      inherit addresses;
    };
in
{
  types = {
    address = types.strMatching "[0-9]{1,3}([.][0-9]{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.]*";
    ipv4 = types.strMatching "[0-9]{1,3}([.][0-9]{1,3}){3}";
    subnet = types.strMatching "[0-9]{1,3}([.][0-9]{1,3}){3}/([0-9]|[12][0-9]|3[0-2])";
    interface = types.strMatching "[a-zA-Z][a-zA-Z0-9_.-]{0,14}";
    mac = types.strMatching "[0-9a-f]{2}(:[0-9a-f]{2}){5}";
  };

  isIpv6 = address: lib.hasInfix ":" (toString address);

  # Whether no value but null is there twice.
  unique =
    values:
    let
      known = lib.filter (value: value != null) values;
    in
    lib.length (lib.unique known) == lib.length known;

  # Whether two subnets have an address in common.
  overlap =
    one: other:
    let
      a = block one;
      b = block other;
    in
    a.first < b.first + b.addresses && b.first < a.first + a.addresses;

  # Whether an address is in a subnet.
  contains =
    subnet: address:
    let
      a = block subnet;
      n = number address;
    in
    a.first <= n && n < a.first + a.addresses;

  # One word of a POSIX shell, whatever is in it. lib.escapeShellArg prints the same text differently from release to release.
  word = text: "'" + lib.replaceStrings [ "'" ] [ "'\\''" ] (toString text) + "'";
}
