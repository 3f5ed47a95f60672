# Makes the disk of a base image from mmdebstrap's tar.
#   sh -eu disk.sh TAR FOLDER FLAVOR COMMAND...
# FOLDER gets vmlinuz; COMMAND (mke2fs -d ...), run in FOLDER, makes the disk of the tree, which is FOLDER/tree.
# Runs as root, or as root of a user namespace, in a mount namespace of its own: the tree lies on a tmpfs that vanishes with the
# process, so nothing that an ordinary user could not remove is ever left over.
tar=$1 folder=$2 flavor=$3
shift 3

tree=$folder/tree
mkdir -p "$tree"
mount -t tmpfs -o size=3g,mode=0755 tmpfs "$tree"
# security.capability of ping and the like is in the extended attributes; device nodes are devtmpfs's business.
tar --extract --file="$tar" --directory="$tree" --xattrs --xattrs-include='*' --exclude='./dev/*' --numeric-owner
rm "$tar"
cd "$tree"

### What is particular to the machine that built it, or must be particular to each host

# Removed before they are written: one that is a link could lead out of the tree.
rm -f etc/machine-id etc/resolv.conf etc/hostname etc/hosts var/lib/dbus/machine-id etc/ssh/ssh_host_*
: >etc/machine-id
: >etc/resolv.conf
echo localhost >etc/hostname
printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n' >etc/hosts
# Open vSwitch's database would give all hosts one system id.
rm -rf etc/openvswitch/conf.db etc/openvswitch/.conf.db.~lock~ etc/openvswitch/system-id.conf
rm -rf var/lib/cloud
rm -rf var/cache/apt/* var/lib/apt/lists/* var/cache/debconf/*-old var/lib/dpkg/*-old
find var/log -type f -delete
rm -rf tmp/* tmp/.[!.]* run/* root/.cache root/.bash_history
rm -f vmlinuz.old initrd.img.old
# No password opens root; keys come from cloud-init.
chroot . passwd --quiet --lock root

### Boot

if [ -e etc/network/interfaces ] || [ "$flavor" = full ]; then
    printf '# interfaces(5)\nsource /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n' >etc/network/interfaces
    mkdir -p etc/network/interfaces.d
fi
ln -sf /usr/lib/systemd/system/multi-user.target etc/systemd/system/default.target
# A service that writes what is there already (hwdb, ld.so.cache, users, journal catalogue) runs if /usr is newer than these: seconds
# each on an emulated CPU, for nothing, as dpkg triggers have done all of it.
usr_time=$(stat --format=%Y usr)
for stamp in etc/.updated var/.updated; do
    printf '# written by the image build\nTIMESTAMP_NSEC=%s000000000\n' "$usr_time" >"$stamp"
    touch --date="@$usr_time" "$stamp"
done
# Docker's own profile, which it makes itself, needs apparmor_parser and the abstractions. A hundred profiles of desktop programs that are
# not here cost an emulated CPU seconds to compile at each boot.
if [ -d etc/apparmor.d ]; then
    find etc/apparmor.d -maxdepth 1 -type f -delete
fi
if [ "$flavor" = full ]; then
    # At boot udev looks at each of 500 devices, drivers and modules: 13 s of an emulated CPU. A guest of the lab has these: disks, NICs and what
    # leads to them, the serial console and the power button. What comes later announces itself.
    mkdir -p etc/systemd/system/systemd-udev-trigger.service.d
    cat >etc/systemd/system/systemd-udev-trigger.service.d/meshimg.conf <<'END'
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
# RSA keys take an emulated CPU tens of seconds to find, and no client from this decade needs them.
mkdir -p etc/cloud/cloud.cfg.d
printf 'ssh_genkeytypes: [ed25519, ecdsa]\n' >etc/cloud/cloud.cfg.d/10_meshimg_keys.cfg

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

# cloud-init's default is en_US.UTF-8, which it would generate at first boot: 20 s on an emulated CPU, and a failed unit where the
# package locales is not there. C.UTF-8 is part of libc, and cloud-init leaves alone what is set already.
locale=etc/default/locale # in Debian 13 a link to the other
test ! -L $locale || locale=etc/locale.conf
rm -f $locale
echo 'LANG=C.UTF-8' >$locale
printf 'locale: C.UTF-8\n' >etc/cloud/cloud.cfg.d/10_meshimg_locale.cfg

### The container image of the probes: busybox alone, as `docker load` reads it (image specification v1.2, docker-archive)

mkdir -p "$folder/probe/root/bin" usr/share/meshimg
cp bin/busybox "$folder/probe/root/bin/busybox"
for applet in sh sleep ping ping6 ip wget nc sha256sum httpd cat echo dd ls ps kill mkdir true false date head tail hostname route traceroute; do
    ln -s busybox "$folder/probe/root/bin/$applet"
done
mkdir -p "$folder/probe/root/tmp" "$folder/probe/root/etc"
pack() { # OUTPUT FOLDER: the same bytes from the same files
    tar --create --file="$1" --directory="$2" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu .
}
mkdir "$folder/probe/image"
pack "$folder/probe/image/layer.tar" "$folder/probe/root"
layer=$(sha256sum "$folder/probe/image/layer.tar")
printf '{"architecture":"amd64","os":"linux","created":"1970-01-01T00:00:00Z","config":{"Cmd":["/bin/sh"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created":"1970-01-01T00:00:00Z"}]}' \
    "${layer%% *}" >"$folder/probe/image/config.json"
printf '[{"Config":"config.json","RepoTags":["meshimg/probe:latest"],"Layers":["layer.tar"]}]' >"$folder/probe/image/manifest.json"
pack usr/share/meshimg/probe-image.tar "$folder/probe/image"
rm -rf "$folder/probe"

### Is it what it should be?

check() { # WHAT COMMAND...
    what=$1
    shift
    "$@" || { echo "the tree is not as it should be: $what" >&2; exit 1; }
}
check 'no kernel' test -e vmlinuz
# The lab boots without an initrd.
for driver in BLK_DEV_NVME EXT4_FS MSDOS_PARTITION; do
    check "the kernel has no $driver built in" grep -q "^CONFIG_$driver=y" "boot/config-$(readlink vmlinuz | sed 's/.*vmlinuz-//')"
done
# In the root, as alternatives are links that only lead somewhere there.
for program in cloud-init sshd apparmor_parser; do
    check "$program is missing" chroot . sh -c "command -v $program" >/dev/null
done
if [ "$flavor" = full ]; then
    for program in ovs-vswitchd ovs-vsctl dockerd docker ifup brctl dhclient; do
        check "$program is missing" chroot . sh -c "command -v $program" >/dev/null
    done
    # Debian 12's Docker 20.10 has no such option; there its version has to do.
    if chroot . dockerd --help | grep -q -- --validate; then
        printf '{}' >tmp/daemon.json
        check 'dockerd refuses an empty configuration' chroot . dockerd --validate --config-file /tmp/daemon.json
        rm tmp/daemon.json
    else
        check 'dockerd does not start' chroot . dockerd --version
    fi
    check 'docker has state' test ! -e var/lib/docker
    check 'netplan beside ifupdown' test ! -e usr/sbin/netplan
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
