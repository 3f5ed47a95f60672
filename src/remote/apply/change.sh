#!/bin/sh
# A change by `meshimg apply`, run by meshimg-apply.service. Whatever fails ends it, and meshimg-undo.service brings back what was.
set -eu
folder=${0%/*}
. "$folder/settings"
. "$folder/forget"

# What runs differs from what is planned as little as can be: this cuts nothing off that is as planned already.
mend() {
  sh "$folder/mesh" up "$folder/mesh.conf"
  [ ! -x /usr/local/lib/meshimg/mesh-rules ] || /usr/local/lib/meshimg/mesh-rules /etc/meshimg/host.conf
}

if [ "$forget" = true ] && [ "$docker_ran" = true ]; then
  forget_bridge
  # meshimg-setup starts it.
  docker_ran=false
fi
while read -r path; do
  mkdir -p "${path%/*}"
  cp -p "$folder/new$path" "$path.meshimg-new"
  mv -f "$path.meshimg-new" "$path"
done <"$folder/write"
while read -r path; do rm -f "$path"; done <"$folder/remove"
sync
systemctl --no-reload enable meshimg-mesh.service meshimg-setup.service
systemctl daemon-reload
# Without udev nobody has a use for its rules.
udevadm control --reload || true
/lib/systemd/systemd-sysctl /etc/sysctl.d/60-meshimg.conf
[ "$new_host" = true ] || mend
systemctl reset-failed meshimg-mesh.service meshimg-setup.service 2>/dev/null || true
systemctl restart meshimg-setup.service
mend
# One that did not run has been started with its new options.
if [ "$restart_docker" = true ] && [ "$docker_ran" = true ]; then systemctl restart docker.service; fi
