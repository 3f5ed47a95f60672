# The frames that the mesh has carried so far, twice: at the start of what does not use it, and at its end. ovs-ofctl asks the daemon; the
# database, which has the BPDUs, is up to 5 s old (ovs-vswitchd.conf.db(5), stats-update-interval).
traffic() {
  # shellcheck disable=SC2016 # the inner shell puts the value in
  run "$1" sh -c 'cut -d " " -f 1 /proc/uptime
    ovs-vsctl --timeout=10 --format=json --columns=name,statistics,rstp_statistics list Port
    cat "/sys/class/net/$1/statistics/tx_packets"
    ovs-ofctl --names dump-ports "$1"' traffic "$mesh_bridge"
}
traffic traffic-start
counted=$status
started=$(cut -d ' ' -f 1 /proc/uptime)
# Where a broadcast from each tunnel goes: Open vSwitch says it of a frame that is never there.
# shellcheck disable=SC2016 # the inner shell puts the values in
run floods sh -c 'ports=$(ovs-vsctl --timeout=10 list-ports "$1") || exit 1
  for port in $ports; do
    echo "from $port"
    ovs-appctl --timeout=10 --target=ovs-vswitchd ofproto/trace "$1" "in_port=$port,dl_dst=ff:ff:ff:ff:ff:ff" --names
  done' floods "$mesh_bridge"
