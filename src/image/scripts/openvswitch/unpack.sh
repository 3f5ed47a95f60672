# Unpacks the source to /build/tree and gives it the version of our packages: sh unpack.sh SUFFIX
set -eu
suffix=$1
cd /build
if [ -e source/openvswitch.dsc ]; then
    # The hashes of all files in it are checked already; whose signature it has, nobody asked.
    dpkg-source --no-check --extract source/openvswitch.dsc tree
else
    mkdir tree
    tar --extract --file=source/openvswitch.tar --directory=tree --strip-components=1 --no-same-owner
fi
cd tree
sh ../mend.sh . >../mended
# In the name, for the date and in the words of the source's last entry: SOURCE_DATE_EPOCH is taken from it.
version=$(dpkg-parsechangelog --show-field Version)$suffix
{
    printf 'openvswitch (%s) unstable; urgency=medium\n\n  * Built by meshimg, without DPDK and AF_XDP.\n' "$version"
    sed 's/^/  * /' ../mended
    printf '\n -- %s  %s\n\n' "$(dpkg-parsechangelog --show-field Maintainer)" "$(dpkg-parsechangelog --show-field Date)"
    cat debian/changelog
} >changelog
mv changelog debian/changelog
