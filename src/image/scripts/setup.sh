# mmdebstrap's setup hook: sh setup.sh ROOT
# Runs before any package is there: these files must precede the kernel package, whose postinst makes the initrd (some seconds each time).
set -eu
mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
# MODULES=list: the initrd needs the disk's driver and nothing else (ext4 and virtio_pci are built into the cloud kernel). `most` makes
# it 18 MB, which an emulated CPU takes seconds to unpack. FSTYPE: there is no disk to look at while the image is built.
printf 'MODULES=list\nCOMPRESS=zstd\nFSTYPE=ext4\nRESUME=none\n' >"$1/etc/initramfs-tools/conf.d/meshimg"
printf '%s\n' virtio_pci virtio_blk virtio_scsi sd_mod ext4 >"$1/usr/share/initramfs-tools/modules.d/meshimg"
printf 'LABEL=root / ext4 errors=remount-ro 0 1\n' >"$1/etc/fstab"
