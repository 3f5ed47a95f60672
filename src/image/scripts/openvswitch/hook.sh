# mmdebstrap's customize hook of a build of Open vSwitch: sh hook.sh ROOT FOLDER VERSION SUFFIX
# FOLDER has these scripts and, in source/, the source. ROOT is left with the package archive in /build/archive. Packages are fetched here;
# what comes from the source runs as user 1000 without network.
set -eu
root=$1 folder=$2 version=$3 suffix=$4
# All of it is the build's log.
exec >&2
mkdir "$root/build"
# By name: for an ordinary user ROOT itself lies in FOLDER.
cp -r "$folder/source" "$folder/unpack.sh" "$folder/mend.sh" "$folder/edit.sh" "$folder/build.sh" "$root/build/"
chroot "$root" chown -R 1000:1000 /build
as_builder() { # COMMAND...: nothing of the caller's environment, so that the same source gives the same bytes
    chroot "$root" unshare --net -- setpriv --reuid=1000 --regid=1000 --clear-groups --no-new-privs \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/build LC_ALL=C.UTF-8 TZ=UTC "$@"
}
# build-dep reads no debian/control but that in the folder it is called in.
apt() { chroot "$root" sh -c 'cd /build/tree && DEBIAN_FRONTEND=noninteractive exec apt-get -qq -y --no-install-recommends "$@"' sh "$@"; }

as_builder sh /build/unpack.sh "$suffix"
as_builder sh /build/edit.sh /build/tree/debian
apt install apt-utils
apt build-dep ./
as_builder sh /build/build.sh "$version"
