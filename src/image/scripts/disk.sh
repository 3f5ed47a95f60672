# Makes the disk of a base image from mmdebstrap's tar.
#   sh -eu disk.sh TAR FOLDER FLAVOR PACKAGES COMMAND...
# FOLDER gets vmlinuz; COMMAND (mke2fs -d ...), run in FOLDER, makes the disk of the tree, which is FOLDER/tree.
# PACKAGES is for install_open_vswitch. Behind tree.sh.
tar=$1 folder=$2 flavor=$3 packages=$4
shift 4

unpack "$tar" "$folder/tree"
rm "$tar"
if [ -n "$packages" ]; then
    bind_devices
    install_open_vswitch "$packages"
    unbind_devices
    # Open vSwitch 4 takes cloud-init out of the first boot otherwise.
    put_files
fi
make_common
quicken

if [ -e etc/network/interfaces ] || [ "$flavor" = full ]; then
    ifupdown
fi
if [ "$flavor" = full ]; then
    # At boot udev looks at each of 500 devices, drivers and modules: 13 s of an emulated CPU. A guest of the lab has these: disks, NICs and what
    # leads to them, the serial console and the power button. What comes later announces itself.
    mkdir -p etc/systemd/system/systemd-udev-trigger.service.d
    cat >etc/systemd/system/systemd-udev-trigger.service.d/lab.conf <<'END'
[Service]
ExecStart=
ExecStart=-udevadm trigger --action=add --subsystem-match=block --subsystem-match=net --subsystem-match=pci --subsystem-match=virtio
ExecStart=-udevadm trigger --action=add --subsystem-match=tty --sysname-match=ttyS0
ExecStart=-udevadm trigger --action=add --subsystem-match=acpi --sysname-match=LNXPWRBN*
END
    # These are started at each boot and at each reload of systemd's units, to find that there is nothing here for them to do; some load
    # modules for it.
    mkdir -p etc/systemd/system-generators
    for generator in debug gpt-auto hibernate-resume rc-local run ssh system-update sysv tpm2; do
        ln -s /dev/null "etc/systemd/system-generators/systemd-$generator-generator"
    done
    for unit in modprobe@drm modprobe@efi_pstore systemd-pstore getty@tty1; do
        ln -s /dev/null "etc/systemd/system/$unit.service"
    done
    # Of cloud-init's second stage, what a lab's user-data has something for; Debian's list has it configure apt besides, for seconds.
    mkdir -p etc/cloud/cloud.cfg.d
    printf 'cloud_config_modules: [ssh_import_id, locale, set_passwords, timezone, runcmd]\n' >etc/cloud/cloud.cfg.d/10_meshimg_modules.cfg
fi
# Timers that fetch from the package archive or clean up behind the user's back: a mesh host is upgraded when its owner says so, and
# the measurements of a lab must not depend on the hour. They stay installed; `systemctl enable` brings them back.
for timer in apt-daily apt-daily-upgrade dpkg-db-backup e2scrub_all fstrim man-db; do
    rm -f "etc/systemd/system/timers.target.wants/$timer.timer"
done
rm -f etc/systemd/system/*.wants/e2scrub_reap.service

if [ "$flavor" != full ]; then
    # cloud-init would otherwise put its own idea of the distribution's mirrors in the place of the archive that the image is from.
    printf 'apt: {preserve_sources_list: true}\n' >etc/cloud/cloud.cfg.d/10_meshimg_archive.cfg
    mv usr/share/meshimg/archives "$folder/archives"
    # mmdebstrap leaves its options for dpkg in the tree. A bought server knows neither unsafe writes, which a power cut during the
    # installation would find, nor packages without their documentation.
    rm -f etc/dpkg/dpkg.cfg.d/99mmdebstrap
fi
if [ "$flavor" = stock ]; then
    # As in Debian's own cloud images: netplan for systemd-networkd, and names by systemd-resolved.
    mkdir -p etc/systemd/system/multi-user.target.wants
    chroot . systemctl enable --quiet systemd-networkd.service systemd-resolved.service
    ln -sf ../run/systemd/resolve/stub-resolv.conf etc/resolv.conf
fi

probe_image "$folder"

### Is it what it should be?

check 'no kernel' test -e vmlinuz
# The lab boots without an initrd.
for driver in BLK_DEV_NVME EXT4_FS MSDOS_PARTITION; do
    check "the kernel has no $driver built in" grep -q "^CONFIG_$driver=y" "boot/config-$(readlink vmlinuz | sed 's/.*vmlinuz-//')"
done
check_programs cloud-init sshd apparmor_parser
if [ "$flavor" = full ]; then
    check_programs ovs-vswitchd ovs-vsctl dockerd docker ifup brctl dhclient
    check_docker
fi

if [ "$flavor" != full ]; then
    check 'no source of packages' test -s "$folder/archives"
    for program in ovs-vsctl dockerd brctl iptables; do
        check "$program is in a stock image" chroot . sh -c "! command -v $program" >/dev/null
    done
    if [ "$flavor" = stock ]; then has=netplan lacks=ifup; else has=ifup lacks=netplan; fi
    check "no $has" chroot . sh -c "command -v $has" >/dev/null
    check "$lacks is in a stock image with $has" chroot . sh -c "! command -v $lacks" >/dev/null
fi

# The kernel mounts devtmpfs there; what the programs above took for /dev/null is no device.
rm -rf dev/*

### Files for QEMU, and the disk

cp --dereference vmlinuz "$folder/vmlinuz"
cd "$folder"
"$@"
