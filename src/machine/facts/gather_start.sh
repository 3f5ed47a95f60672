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
