#!/bin/sh
# Brings back what was before a change by `meshimg apply` and its like that nobody has confirmed. Goes on whatever fails: half of the old state is better than none.
set -u
# Confirmed, and then the power went: what is in /run is not there any more.
if [ -d /var/lib/meshimg/confirmed ]; then
  . /var/lib/meshimg/confirmed/finish
  [ -e /run/systemd/system/meshimg-apply.service ] || finish
  exit 0
fi
# Whoever moves it, this or the confirmation, has won. It is moved already where a boot has come in the middle of this.
if [ ! -d /var/lib/meshimg/apply.undo ]; then
  mv /var/lib/meshimg/apply /var/lib/meshimg/apply.undo || exit 0
fi
folder=/var/lib/meshimg/apply.undo
. "$folder/settings"
. "$folder/forget"
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
if [ "$forget" = true ] && [ "$docker_ran" = true ]; then
  # Docker is to forget the bridge that it has had meanwhile, and would wait for the mesh's first.
  cat "$folder/write" "$folder/remove" | while read -r path; do rm -f "$path"; done
  systemctl daemon-reload
  forget_bridge
fi
while read -r path; do
  mkdir -p "${path%/*}"
  cp -p "$folder/old$path" "$path.meshimg-old" && mv -f "$path.meshimg-old" "$path"
done <"$folder/kept"
while read -r path; do rm -f "$path"; done <"$folder/absent"
# Those that were enabled: they are there again.
while read -r unit state; do
  [ "$state" != enabled ] || systemctl --no-reload enable "$unit"
done <"$folder/units"
sync
systemctl daemon-reload
udevadm control --reload
# Three starts in a minute are too many for its unit.
systemctl reset-failed docker.service 2>/dev/null
if [ "$operation" = wipe ]; then
  /lib/systemd/systemd-sysctl --prefix=/net/bridge
  systemctl reset-failed meshimg-mesh.service meshimg-setup.service 2>/dev/null
  systemctl restart meshimg-mesh.service
  # As it was, whatever brings it up at a boot.
  sh "$folder/mesh" up "$folder/mesh.conf"
  [ ! -x /usr/local/lib/meshimg/mesh-rules ] || /usr/local/lib/meshimg/mesh-rules /etc/meshimg/host.conf
  if [ "$docker_ran" = true ]; then
    systemctl start docker.service
    systemctl start meshimg-setup.service
  fi
elif [ "$new_host" = true ]; then
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
