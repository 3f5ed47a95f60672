# meshimg itself, from Cargo.lock alone: nothing is imported from a derivation.
{ lib, rustPlatform }:
rustPlatform.buildRustPackage {
  pname = "meshimg";
  inherit ((lib.importTOML ../Cargo.toml).package) version;
  src = lib.cleanSource ../.;
  cargoLock.lockFile = ../Cargo.lock;
  # The flake's check `tests` runs them.
  doCheck = false;
  meta = {
    description = "One cluster.yaml to a proven Open vSwitch mesh between Docker hosts";
    license = lib.licenses.mit;
    mainProgram = "meshimg";
    platforms = lib.platforms.linux;
  };
}
