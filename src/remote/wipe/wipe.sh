#!/bin/sh
# Takes the mesh off a host, run by meshimg-apply.service. Whatever fails ends it, and meshimg-undo.service brings back what was.
set -eu
folder=${0%/*}
. "$folder/settings"
. "$folder/forget"
before=/var/lib/meshimg/before

# Docker goes first, and its containers with it.
if [ "$forget" = true ] && [ "$docker_ran" = true ]; then forget_bridge; fi

# One that was never written has nothing to stop.
systemctl stop meshimg-setup.service meshimg-mesh.service 2>/dev/null || true
if [ -e /etc/network/interfaces.d/60-meshimg ] && command -v ifdown >/dev/null; then
  ifdown --force "$container_bridge" "$mesh_bridge" || true
fi
if [ -d "/sys/class/net/$container_bridge/bridge" ]; then ip link delete dev "$container_bridge" type bridge; fi
if command -v ovs-vsctl >/dev/null; then
  systemctl start openvswitch-switch.service
  ovs-vsctl --timeout=10 --if-exists del-br "$mesh_bridge" -- remove Open_vSwitch . other_config max-revalidator
  value=
  [ ! -e "$before/max-revalidator" ] || read -r value <"$before/max-revalidator" || true
  [ -z "$value" ] || ovs-vsctl --timeout=10 set Open_vSwitch . "other_config:max-revalidator=$value"
  # The drop-in that schedules it in real time goes, and it is not to be started anew for that.
  group=$(systemctl show --property ControlGroup --value ovs-vswitchd.service)
  [ -z "$group" ] || while read -r process; do
    chrt --all-tasks --other --pid 0 "$process" || true
  done <"/sys/fs/cgroup$group/cgroup.procs"
fi

systemctl --no-reload disable meshimg-mesh.service meshimg-setup.service 2>/dev/null || true
rm -f /etc/systemd/system/multi-user.target.wants/meshimg-mesh.service /etc/systemd/system/multi-user.target.wants/meshimg-setup.service
while read -r path; do
  rm -f "$path"
  case "${path%/*}" in
  */meshimg | /etc/systemd/system/*.d) rmdir "${path%/*}" 2>/dev/null || true ;;
  esac
done <"$folder/remove"
# Those of a first boot that did not come to its end.
rm -f /run/systemd/system/*.service.d/meshimg.conf /run/systemd/system/meshimg-mesh.service
rm -rf /run/meshimg
if [ -e "$before/kept" ]; then
  while read -r path; do
    mkdir -p "${path%/*}"
    cp -p "$before/files$path" "$path.meshimg-new"
    mv -f "$path.meshimg-new" "$path"
  done <"$before/kept"
fi
sync
systemctl daemon-reload
# Without udev nobody has a use for its rules.
udevadm control --reload || true
# As the kernel has them, and then as other files say.
for key in iptables ip6tables arptables; do
  [ ! -e "/proc/sys/net/bridge/bridge-nf-call-$key" ] || echo 1 >"/proc/sys/net/bridge/bridge-nf-call-$key"
done
/lib/systemd/systemd-sysctl --prefix=/net/bridge
if [ "$docker_ran" = true ]; then
  # Three starts in a minute are too many for its unit.
  systemctl reset-failed docker.service 2>/dev/null || true
  systemctl start docker.service
fi
