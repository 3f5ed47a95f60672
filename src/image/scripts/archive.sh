# mmdebstrap's customize hook of stock images: sh archive.sh ROOT PACKAGE...
# Lays the packages with all that they depend on into /srv/archive, with an index that apt reads, and makes that the only
# source of apt: the guests of a lab reach no other archive, and their cloud-init installs from here as it would from a real one.
set -eu
root=$1
shift
archive=$root/srv/archive
mkdir -p "$archive/partial"
# apt from outside, as mmdebstrap itself calls it: an archive of file: URLs lies outside the root.
APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --yes --quiet --download-only --no-install-recommends \
    -o "Dir::Cache::Archives=$archive" -o APT::Sandbox::User=root install "$@"
rm -rf "$archive/partial" "$archive/lock"
for package in "$archive"/*.deb; do
    dpkg-deb --field "$package"
    sum=$(sha256sum "$package")
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${package##*/}" "$(stat --format=%s "$package")" "${sum%% *}"
done >"$archive/Packages"
rm -f "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/*
# trusted: the index has no signature, as it never leaves this disk.
echo 'deb [trusted=yes] file:///srv/archive ./' >"$root/etc/apt/sources.list"
