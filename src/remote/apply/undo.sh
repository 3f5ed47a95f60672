#!/bin/sh
# Brings back what was before a change by `meshimg apply` that nobody has confirmed. Goes on whatever fails: half of the old state is better than none.
set -u
# Whoever moves it, this or the confirmation, has won. It is moved already where a boot has come in the middle of this.
if [ ! -d /var/lib/meshimg/apply.undo ]; then
  mv /var/lib/meshimg/apply /var/lib/meshimg/apply.undo || exit 0
fi
folder=/var/lib/meshimg/apply.undo
. "$folder/settings"
if [ -e "$folder/done" ]; then why='was made, and nobody has confirmed it'; else why='did not come to its end'; fi
echo "meshimg: the change $why; the old state comes back"
systemctl stop meshimg-undo.timer
if [ "$new_host" = true ]; then
  systemctl stop meshimg-setup.service meshimg-mesh.service
  if command -v ifdown >/dev/null; then ifdown --force "$container_bridge" "$mesh_bridge"; fi
fi
while read -r unit state; do
  [ "$state" = enabled ] || systemctl --no-reload disable "$unit"
done <"$folder/units"
while read -r path; do
  cp -p "$folder/old$path" "$path.meshimg-old" && mv -f "$path.meshimg-old" "$path"
done <"$folder/kept"
while read -r path; do rm -f "$path"; done <"$folder/absent"
sync
systemctl daemon-reload
udevadm control --reload
if [ "$new_host" = true ]; then
  ovs-vsctl --timeout=10 --if-exists del-br "$mesh_bridge"
  # Without it Docker makes the bridge itself, as it did.
  if [ -d "/sys/class/net/$container_bridge/bridge" ]; then ip link delete dev "$container_bridge" type bridge; fi
  if [ "$docker_ran" = true ]; then
    systemctl restart docker.service
  else
    systemctl stop docker.socket docker.service
  fi
else
  if [ -e /etc/network/interfaces.d/60-meshimg ]; then
    ifdown --force "$container_bridge" "$mesh_bridge"
    ovs-vsctl --timeout=10 --if-exists del-br "$mesh_bridge"
    systemctl restart meshimg-mesh.service
  else
    systemctl reload-or-restart meshimg-mesh.service
  fi
  [ "$restart_docker" != true ] || systemctl restart docker.service
fi
sync
# Without the unit the host takes changes again.
rm -f /etc/systemd/system/meshimg-undo.service /etc/systemd/system/multi-user.target.wants/meshimg-undo.service \
  /run/systemd/system/meshimg-undo.timer /run/systemd/system/meshimg-apply.service
systemctl daemon-reload
systemctl reset-failed meshimg-apply.service 2>/dev/null
rm -rf "$folder"
