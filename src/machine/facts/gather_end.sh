run machine-id cat /etc/machine-id
run listening ss -Hltun
# What a reboot would bring. A file that is missing is in no line.
# shellcheck disable=SC2086 # a list of paths of meshimg's own
run files-hash sha256sum $files
# shellcheck disable=SC2086 # the same list
run files-mode stat --format '%a %n' $files
run unit-files systemctl show --property Id,LoadState,UnitFileState,FragmentPath,DropInPaths,NeedDaemonReload \
  docker.service meshimg-mesh.service meshimg-setup.service networking.service openvswitch-switch.service ovs-vswitchd.service \
  ovsdb-server.service ovsdb-server.socket
run ovs-disk ovsdb-tool query /etc/openvswitch/conf.db '["Open_vSwitch", {"op": "select", "table": "Bridge", "where": []},
  {"op": "select", "table": "Port", "where": []}, {"op": "select", "table": "Interface", "where": []}]'
run sysctl-files /lib/systemd/systemd-sysctl --cat-config
if "$ask_ifupdown"; then
  run stanzas ifquery "$mesh_bridge" "$container_bridge"
fi
if "$ask_docker" && systemctl is-active --quiet docker.service; then
  run docker-info docker info --format '{{json .}}'
fi
# What is counted is counted over three seconds at least: BPDUs come every two.
if [ "$counted" -eq 0 ]; then
  sleep "$(awk -v started="$started" '{ left = 3 - ($1 - started); print (left > 0 ? left : 0) }' /proc/uptime)"
fi
traffic traffic-end
