# The project's checks: the package's tests, clippy and format, and VM tests with three nodes.
{ pkgs, meshimg }:
let
  cargo =
    name: inputs: command:
    meshimg.overrideAttrs (old: {
      name = "meshimg-${name}";
      nativeBuildInputs = old.nativeBuildInputs ++ inputs;
      buildPhase = ''
        runHook preBuild
        ${command}
        runHook postBuild
      '';
      installPhase = "touch $out";
      dontFixup = true;
    });
  vm = name: pkgs.testers.runNixOSTest (import (../vm-tests/nixos + "/${name}.nix"));
in
{
  tests = cargo "tests" [
    pkgs.nix
    pkgs.python3
    pkgs.shellcheck
  ] "cargo test --offline --locked --lib --test cli --test golden --test nix";
  clippy = cargo "clippy" [
    pkgs.clippy
  ] "cargo clippy --offline --locked --all-targets -- -D warnings";
  format = cargo "format" [ pkgs.rustfmt ] "cargo fmt --check";

  vm-mesh = vm "mesh";
  vm-failover = vm "failover";
  vm-reboot = vm "reboot";
  vm-negative = vm "negative";
}
