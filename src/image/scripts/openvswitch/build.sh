# Builds the packages and makes a flat archive of them, in /build/archive: sh build.sh VERSION
set -eu
version=$1
cd /build/tree
epoch=$(dpkg-parsechangelog --show-field Timestamp)
DEB_BUILD_OPTIONS="nocheck noautodbgsym parallel=$(nproc)" dpkg-buildpackage --build=binary --no-sign
built=$(_debian/vswitchd/ovs-vswitchd --version | sed -n '1s/.* //p')
if [ "$built" != "$version" ]; then
    echo "meshimg: what was built says that it is version $built, not $version" >&2
    exit 1
fi

mkdir /build/archive
# What no host needs: more than half of all bytes.
rm -f /build/openvswitch-doc_*.deb /build/openvswitch-source_*.deb
mv /build/*.deb /build/archive/
cd /build/archive
for name in openvswitch-common openvswitch-switch python3-openvswitch; do
    ls "$name"_*.deb >/dev/null
done
# One after the other, as apt-ftparchive takes a folder in the order of the file system.
for package in *.deb; do
    apt-ftparchive packages "$package"
done >Packages
xz --keep --threads=1 Packages
cd /build
apt-ftparchive -o APT::FTPArchive::Release::Origin=meshimg -o APT::FTPArchive::Release::Label='Open vSwitch' \
    -o APT::FTPArchive::Release::Description="Open vSwitch $version" release archive |
    sed "s/^Date: .*/Date: $(date --utc --date="@$epoch" '+%a, %d %b %Y %H:%M:%S UTC')/" >Release
mv Release archive/
dpkg-query --show --showformat '${Package} ${Architecture} ${Version}\n' >archive/root-packages
mv mended archive/
