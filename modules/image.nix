# A disk to start from: a partition labelled nixos, booted by GRUB. Not part of default.nix; every value gives way to a user's own.
# system.build.meshimgImage is that disk as qcow2.
{
  config,
  lib,
  modulesPath,
  pkgs,
  ...
}:
let
  # These boot by UEFI alone.
  inherit (pkgs.stdenv.hostPlatform) isAarch64;
in
{
  imports = [ (modulesPath + "/profiles/qemu-guest.nix") ];

  fileSystems = {
    "/" = lib.mkDefault {
      device = "/dev/disk/by-label/nixos";
      autoResize = true;
      fsType = "ext4";
    };
  }
  // lib.optionalAttrs isAarch64 {
    "/boot" = lib.mkDefault {
      device = "/dev/disk/by-label/ESP";
      fsType = "vfat";
    };
  };
  boot.growPartition = lib.mkDefault true;
  boot.kernelParams = [ "console=ttyS0" ];
  boot.loader.grub =
    if isAarch64 then
      {
        device = lib.mkDefault "nodev";
        efiSupport = lib.mkDefault true;
        efiInstallAsRemovable = lib.mkDefault true;
      }
    else
      { device = lib.mkDefault "/dev/vda"; };

  system.build.meshimgImage = import (modulesPath + "/../lib/make-disk-image.nix") {
    inherit config lib pkgs;
    name = "${config.networking.hostName}-image";
    format = "qcow2";
    partitionTableType = if isAarch64 then "efi" else "legacy";
    copyChannel = false;
  };
}
