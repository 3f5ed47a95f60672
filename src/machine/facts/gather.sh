# Prints what meshimg's probes want to know, in sections: a line "[name status]", then the command's output with a blank before
# each line and its errors with a "!" before each line. A command that is missing, fails or hangs does not stop the rest.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() {
  name=$1
  shift
  status=0
  if command -v "$1" >/dev/null 2>&1; then
    timeout 30 "$@" >"$work/out" 2>"$work/err" || status=$?
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

run boot-id cat /proc/sys/kernel/random/boot_id
run ovs ovs-vsctl --timeout=10 --format=json --columns=other_config list Open_vSwitch -- list Bridge -- list Port -- list Interface
run vswitchd-version ovs-appctl --timeout=10 --target=ovs-vswitchd version
run vswitchd-scheduling chrt --pid "$(cat /run/openvswitch/ovs-vswitchd.pid 2>/dev/null)"
run ip ip -j -d addr show
# Asking Docker would start it by its socket, before its turn.
run docker-active systemctl is-active docker.service
if [ "$status" -eq 0 ]; then
  run docker-version docker version --format '{{.Server.Version}}'
  run docker-network docker network inspect bridge
fi
