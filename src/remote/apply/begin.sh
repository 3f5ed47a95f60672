# The beginning of what `meshimg apply` sends to a host. Files for root alone: some may hold a secret.
mkdir -p /var/lib/meshimg
umask 077
folder=/var/lib/meshimg/apply
# One at a time; the lock is for as long as this script runs, and the unit for as long as the change is not confirmed.
exec 9>/run/meshimg-apply.lock
flock -n 9 || { echo 'another change is about to begin' >&2; exit 1; }
if [ -e /etc/systemd/system/meshimg-undo.service ]; then
  echo 'another change is under way, or was not confirmed' >&2
  exit 1
fi
rm -rf "$folder" "$folder.undo"
trap 'rm -rf "$folder"; rm -f /etc/systemd/system/meshimg-undo.service' EXIT
mkdir -p "$folder/new" "$folder/old"
