# The beginning of what `meshimg apply` and its like send to a host; follows finish.sh.
folder=/var/lib/meshimg/apply
# One at a time; the lock is for as long as this script runs, and the unit for as long as the change is not confirmed.
exec 9>/run/meshimg-apply.lock
flock -n 9 || { echo 'another change is about to begin' >&2; exit 1; }
# Confirmed, and then the power went. It has settings of its own.
[ ! -e /var/lib/meshimg/confirmed ] || (finish)
if [ -e /etc/systemd/system/meshimg-undo.service ]; then
  echo 'another change is under way, or was not confirmed' >&2
  exit 1
fi
mkdir -p /var/lib/meshimg
# Files for root alone: some may hold a secret.
umask 077
rm -rf "$folder" "$folder.undo"
# Whatever ends this script early leaves nothing that would go off later.
trap 'systemctl stop meshimg-undo.timer 2>/dev/null || true
  rm -f /etc/systemd/system/meshimg-undo.service /etc/systemd/system/multi-user.target.wants/meshimg-undo.service \
    /run/systemd/system/meshimg-undo.timer /run/systemd/system/meshimg-apply.service
  rm -rf "$folder"' EXIT
mkdir -p "$folder/new" "$folder/old"
