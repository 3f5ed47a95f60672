# mmdebstrap's customize hook of stock images: sh archive.sh ROOT
# Notes which archives the image's apt asks for packages, and whose they are: the lab's forwarder passes requests for these alone.
set -eu
mkdir -p "$1/usr/share/meshimg"
# apt from outside, as mmdebstrap itself calls it. apt-get puts the values in.
# shellcheck disable=SC2016
APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get indextargets --format '$(REPO_URI)|$(ORIGIN)|$(LABEL)' 'Created-By: Packages' |
    sort -u >"$1/usr/share/meshimg/archives"
