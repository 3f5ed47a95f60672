# mmdebstrap's customize hook of bootable images: sh epoch.sh ROOT
# Notes how old the archive is, in seconds since 1970: no file of the image is younger.
set -eu
mkdir -p "$1/usr/share/meshimg"
sed -n 's/^Date: //p' "$1"/var/lib/apt/lists/*Release | while read -r date; do
    date --date="$date" +%s
done | sort -n | tail -n 1 >"$1/usr/share/meshimg/epoch"
test -s "$1/usr/share/meshimg/epoch"
