# mmdebstrap's customize hook of stock images; $1 is the root, and $packages is set by the line before this script.
# Lays the packages of the mesh with all that they depend on into /srv/archive, with an index that apt reads, and makes that the only
# source of apt: the guests of a lab reach no other archive, and their cloud-init installs from here as it would from a real one.
set -eu
archive=$1/srv/archive
mkdir -p "$archive/partial"
# apt from outside, as mmdebstrap itself calls it: an archive of file: URLs lies outside the root.
# shellcheck disable=SC2086 # a list of words
APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --yes --quiet --download-only --no-install-recommends \
    -o "Dir::Cache::Archives=$archive" -o APT::Sandbox::User=root install $packages
rm -rf "$archive/partial" "$archive/lock"
for package in "$archive"/*.deb; do
    dpkg-deb --field "$package"
    sum=$(sha256sum "$package")
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${package##*/}" "$(stat --format=%s "$package")" "${sum%% *}"
done >"$archive/Packages"
rm -f "$1/etc/apt/sources.list" "$1"/etc/apt/sources.list.d/*
# trusted: the index has no signature, as it never leaves this disk.
echo 'deb [trusted=yes] file:///srv/archive ./' >"$1/etc/apt/sources.list"
