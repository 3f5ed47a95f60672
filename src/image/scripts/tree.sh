# What scripts that make a disk of mmdebstrap's tar have in common, put_files besides; they run with the folder of the tree as theirs after `unpack`. They run as
# root, or as root of a user namespace, in a mount namespace of their own: the tree lies on a tmpfs that vanishes with the process, so nothing
# that an ordinary user could not remove is ever left over.

unpack() { # TAR TREE
    mkdir -p "$2"
    mount -t tmpfs -o size=3g,mode=0755 tmpfs "$2"
    # security.capability of ping and the like is in the extended attributes; device nodes are devtmpfs's business.
    tar --extract --file="$1" --directory="$2" --xattrs --xattrs-include='*' --exclude='./dev/*' --numeric-owner
    cd "$2"
}

# A few devices of this machine, for programs in the tree.
bind_devices() {
    for device in full null random urandom zero; do
        : >"dev/$device"
        mount --bind "/dev/$device" "dev/$device"
    done
}

unbind_devices() {
    for device in full null random urandom zero; do
        umount "dev/$device"
    done
}

# Puts packages of Open vSwitch in the place of the distribution's. ARCHIVE: the folder of an archive for apt, or nothing.
install_open_vswitch() { # ARCHIVE
    [ -n "$1" ] || return 0
    # Nothing but this archive: what these packages need must be there already.
    mkdir mnt/packages
    mount --bind "$1" mnt/packages
    echo 'deb [trusted=yes] file:/mnt/packages ./' >mnt/sources.list
    printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
    chmod 755 usr/sbin/policy-rc.d
    offline update
    # Those of it that are there already, and no others.
    # shellcheck disable=SC2046,SC2016 # words; the format is dpkg-query's
    offline install --only-upgrade --no-install-recommends --no-remove \
        $(sed -n 's/^Package: //p' mnt/packages/Packages | while read -r package; do
            chroot . dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$package" 2>/dev/null | sed -n 's/^installed //p'
        done)
    umount mnt/packages
    rmdir mnt/packages
    rm mnt/sources.list usr/sbin/policy-rc.d
}

offline() {
    DEBIAN_FRONTEND=noninteractive chroot . apt-get -q -y -o Dir::Etc::SourceList=/mnt/sources.list -o Dir::Etc::SourceParts=/dev/null \
        -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 "$@"
}

# Takes away what is particular to the machine that built it, or must be particular to each host.
make_common() {
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
}

ifupdown() {
    printf '# interfaces(5)\nsource /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n' >etc/network/interfaces
    mkdir -p etc/network/interfaces.d
}

# What boots wait for, and need not.
quicken() {
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
    # RSA keys take an emulated CPU tens of seconds to find, and no client from this decade needs them.
    mkdir -p etc/cloud/cloud.cfg.d
    printf 'ssh_genkeytypes: [ed25519, ecdsa]\n' >etc/cloud/cloud.cfg.d/10_meshimg_keys.cfg
    # cloud-init's default is en_US.UTF-8, which it would generate at first boot: 20 s on an emulated CPU, and a failed unit where the
    # package locales is not there. C.UTF-8 is part of libc, and cloud-init leaves alone what is set already.
    locale=etc/default/locale # in Debian 13 a link to the other
    test ! -L $locale || locale=etc/locale.conf
    rm -f $locale
    echo 'LANG=C.UTF-8' >$locale
    printf 'locale: C.UTF-8\n' >etc/cloud/cloud.cfg.d/10_meshimg_locale.cfg
}

# The container image of the probes: busybox alone, as `docker load` reads it (image specification v1.2, docker-archive).
probe_image() { # FOLDER
    mkdir -p "$1/probe/root/bin" usr/share/meshimg
    cp bin/busybox "$1/probe/root/bin/busybox"
    for applet in sh sleep ping ping6 ip wget nc sha256sum httpd cat echo dd ls ps kill mkdir true false date head tail hostname route traceroute; do
        ln -s busybox "$1/probe/root/bin/$applet"
    done
    mkdir -p "$1/probe/root/tmp" "$1/probe/root/etc"
    mkdir "$1/probe/image"
    pack "$1/probe/image/layer.tar" "$1/probe/root"
    layer=$(sha256sum "$1/probe/image/layer.tar")
    printf '{"architecture":"amd64","os":"linux","created":"1970-01-01T00:00:00Z","config":{"Cmd":["/bin/sh"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created":"1970-01-01T00:00:00Z"}]}' \
        "${layer%% *}" >"$1/probe/image/config.json"
    printf '[{"Config":"config.json","RepoTags":["meshimg/probe:latest"],"Layers":["layer.tar"]}]' >"$1/probe/image/manifest.json"
    pack usr/share/meshimg/probe-image.tar "$1/probe/image"
    rm -rf "$1/probe"
}

pack() { # OUTPUT FOLDER: the same bytes from the same files
    tar --create --file="$1" --directory="$2" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu .
}

check() { # WHAT COMMAND...
    what=$1
    shift
    "$@" || { echo "the tree is not as it should be: $what" >&2; exit 1; }
}

# In the root, as alternatives are links that only lead somewhere there.
check_programs() { # PROGRAM...
    for program; do
        check "$program is missing" chroot . sh -c "command -v $program" >/dev/null
    done
}

check_docker() {
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
}
