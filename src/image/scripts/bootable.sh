# Makes the root file system of a bootable image from mmdebstrap's tar, and what its boot loaders consist of.
#   sh -eu bootable.sh TAR FOLDER PACKAGES ROOT_UUID ESP_UUID ROOT_FILE_SYSTEM COMMAND...
# PACKAGES is for install_open_vswitch. COMMAND (mke2fs -d ...), run
# in FOLDER, makes FOLDER/ROOT_FILE_SYSTEM of the tree, which is FOLDER/tree. FOLDER gets boot.img and core.img for BIOS, *.efi for UEFI, and
# packages, a line for each. The same tar gives the same bytes. Behind tree.sh.
tar=$1 folder=$2 packages=$3 root_uuid=$4 esp_uuid=$5 file_system=$6
shift 6

unpack "$tar" "$folder/tree"
# No file is younger than the archive that it is from; and whoever makes files here says that they are as old.
epoch=$(cat usr/share/meshimg/epoch)
export SOURCE_DATE_EPOCH="$epoch"
bind_devices
install_open_vswitch "$packages"
make_common
# Its own directory's time is that of the build.
touch --date="@$epoch" usr
quicken
ifupdown
put_files
probe_image "$folder"

### cloud-init: where it looks, in this order; without one of them it has nothing to wait for

printf 'datasource_list: [ConfigDrive, NoCloud, DigitalOcean, None]\n' >etc/cloud/cloud.cfg.d/10_meshimg_datasources.cfg
# ifupdown is here, and nothing else that would bring NICs up.
printf 'system_info: {network: {renderers: [eni]}}\n' >etc/cloud/cloud.cfg.d/10_meshimg_network.cfg
# mmdebstrap leaves its options for dpkg in the tree: unsafe writes, which a power cut during an upgrade would find, and no documentation.
rm -f etc/dpkg/dpkg.cfg.d/99mmdebstrap etc/apt/apt.conf.d/99mmdebstrap

### Boot

printf 'UUID=%s / ext4 errors=remount-ro 0 1\nUUID=%s /boot/efi vfat umask=0077,nofail,x-systemd.device-timeout=10min 0 2\n' "$root_uuid" "$esp_uuid" >etc/fstab
mkdir -p boot/efi boot/grub/i386-pc
mkdir -p etc/initramfs-tools/conf.d
# The drivers of all machines; the disk is found by what is on it.
printf 'MODULES=most\nFSTYPE=ext4\nRESUME=none\n' >etc/initramfs-tools/conf.d/meshimg
chroot . update-initramfs -c -k all
kernel=$(readlink vmlinuz)
version=${kernel#*vmlinuz-}
ln -sf "boot/initrd.img-$version" initrd.img

# For the programs that the package grub-cloud-amd64 calls when a kernel or GRUB itself is upgraded: both firmwares, from then on by themselves.
: >etc/grub.d/enable_cloud
consoles='console=tty0 console=ttyS0,115200 consoleblank=0'
mkdir -p etc/default/grub.d
cat >etc/default/grub.d/50_meshimg.cfg <<END
GRUB_TIMEOUT=1
GRUB_CMDLINE_LINUX="$consoles"
GRUB_TERMINAL="console serial"
GRUB_TERMINAL_OUTPUT="console serial"
GRUB_SERIAL_COMMAND="serial --speed=115200"
GRUB_DISABLE_OS_PROBER=true
END
# update-grub looks at the disk under /, which is not there yet. Until it does, the links to the newest kernel are what is booted.
cat >boot/grub/grub.cfg <<END
# Until update-grub writes it anew, which it does with the next kernel.
serial --speed=115200
terminal_input console serial
terminal_output console serial
set timeout=1
search --no-floppy --fs-uuid --set=root $root_uuid
menuentry 'Debian GNU/Linux' {
    linux /vmlinuz root=UUID=$root_uuid ro $consoles
    initrd /initrd.img
}
END
cp usr/lib/grub/i386-pc/*.mod usr/lib/grub/i386-pc/*.lst boot/grub/i386-pc/
chroot . grub-editenv /boot/grub/grubenv create
chroot . grub-mkimage -O i386-pc -o /boot/grub/i386-pc/core.img -p '(,gpt1)/boot/grub' biosdisk part_gpt ext2
cp usr/lib/grub/i386-pc/boot.img boot/grub/i386-pc/core.img "$folder/"
cp usr/lib/shim/shimx64.efi.signed "$folder/BOOTX64.EFI"
cp usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed "$folder/grubx64.efi"
cp usr/lib/shim/mmx64.efi.signed "$folder/mmx64.efi"

### What differs from one build to the next

find var/log -type f -delete
rm -f var/cache/ldconfig/aux-cache etc/*- var/lib/systemd/random-seed var/lib/dpkg/lock* var/lib/apt/lists/lock var/cache/apt/archives/lock
# The day of the last change of a password: that of the build.
sed -i "s/^\([^:]*:[^:]*\):[0-9]*:/\1:$((epoch / 86400)):/" etc/shadow

### Is it what it should be?

check 'no kernel' test -e vmlinuz
check 'no initrd' test -e initrd.img
check_programs cloud-init sshd apparmor_parser ovs-vswitchd ovs-vsctl dockerd docker ifup brctl dhclient growpart update-grub grub-install
check_docker
for module in openvswitch vport-gre vport-vxlan vport-geneve; do
    check "the kernel has no $module" test -n "$(find "lib/modules/$version" "usr/lib/modules/$version" -name "$module.ko*" 2>/dev/null)"
done

unbind_devices
# The kernel mounts devtmpfs there.
rm -rf dev/*
# shellcheck disable=SC2016 # the format is dpkg-query's
chroot . dpkg-query -W -f '${binary:Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n' | LC_ALL=C sort >"$folder/packages"
find . -xdev -newermt "@$epoch" -print0 | xargs -0 -r touch --no-dereference --date="@$epoch"

cd "$folder"
E2FSPROGS_FAKE_TIME=$epoch "$@"
# mke2fs takes the times of access and of change from the tree, where they are those of the build; and debugfs would note when it wrote.
inodes=$(dumpe2fs -h "$file_system" 2>/dev/null | awk '/^Inode count/ { count = $3 } /^Free inodes/ { print count - $3 }')
{
    echo "set_current_time @$epoch"
    inode=11
    while [ "$inode" -le "$inodes" ]; do
        for field in atime ctime; do
            echo "set_inode_field <$inode> $field @$epoch"
            echo "set_inode_field <$inode> ${field}_extra 0"
        done
        inode=$((inode + 1))
    done
} >commands
debugfs -w -f commands "$file_system" >/dev/null 2>&1
rm commands
