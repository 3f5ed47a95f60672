# Prints the state of a host after a failure, in sections: a line "[name status]", then the command's output with a blank before each line
# and its errors with a "!" before each line. A command that is missing, fails or hangs does not stop the rest. $bridge is set before.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Seconds since the boot, whatever a fault did to the clock.
now() {
  read -r up _ </proc/uptime
  echo "${up%.*}"
}
begun=$(now)

run() {
  name=$1
  shift
  status=0
  if [ "$(($(now) - begun))" -gt 150 ]; then
    # What was printed would be lost with the connection.
    status=124
    : >"$work/out"
    echo "the host took too long for what comes before it" >"$work/err"
  elif command -v "$1" >/dev/null 2>&1; then
    timeout 60 "$@" >"$work/out" 2>"$work/err" || status=$?
  else
    status=127
    : >"$work/out"
    echo "$1 is not installed" >"$work/err"
  fi
  printf '\n[%s %s]\n' "$name" "$status"
  sed 's/^/ /' "$work/out"
  printf '\n'
  sed 's/^/!/' "$work/err"
}

# Asking Docker would start it by its socket, and change what is to be looked at.
run_docker() {
  if systemctl is-active --quiet docker.service; then
    run "$@"
  else
    # shellcheck disable=SC2016 # It is for the shell that is called.
    run "$1" sh -c 'echo "docker.service is $(systemctl is-active docker.service)"'
  fi
}

# First what changes by itself.
run ovs-show.txt ovs-vsctl --timeout=10 show
run ovs-bfd.txt ovs-appctl --timeout=10 bfd/show
# shellcheck disable=SC2016 # It is for the shell that is called.
run ovs-tree.txt sh -c 'ovs-appctl --timeout=10 rstp/show "$1" 2>/dev/null || ovs-appctl --timeout=10 stp/show "$1"' sh "$bridge"
run ovs-fdb.txt ovs-appctl --timeout=10 fdb/show "$bridge"
run ovs-ports.txt ovs-ofctl --timeout=10 dump-ports "$bridge"
run network.txt sh -c 'ip -d -s address; echo; ip route; echo; ip -6 route; echo; bridge -d link; echo; bridge fdb'
run_docker docker-ps.txt docker ps --all --no-trunc
run_docker docker-networks.txt sh -c 'docker network ls --quiet | xargs docker network inspect'
run_docker docker-info.txt docker info
run units.txt sh -c 'systemctl --failed --full --no-pager; echo; systemctl list-jobs --full --no-pager; echo
  systemctl list-units --all --full --no-pager'
run resources.txt sh -c 'uptime; echo; free -m; echo; df -h; echo; df -i; echo; ps -e -o pid,ppid,state,etimes,rss,args'
run journal.txt journalctl --no-pager --quiet --output short-precise --lines 30000
run ovs-vswitchd.log cat /var/log/openvswitch/ovs-vswitchd.log
run cloud-init.log cat /var/log/cloud-init.log
run cloud-init-output.log cat /var/log/cloud-init-output.log
# The slow ones last.
run cloud-init-status.txt cloud-init status --long
run boot-blame.txt systemd-analyze blame --no-pager
run boot-chain.txt systemd-analyze critical-chain --no-pager
