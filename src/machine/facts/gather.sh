# Prints what meshimg's probes want to know, in sections: a line "[name status]", then the command's output with a blank before
# each line and its errors with a "!" before each line. A command that is missing, fails or hangs does not stop the rest.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C
work=$(mktemp -d)
trap 'print_sections; rm -rf "$work"' EXIT
: >"$work/list"
count=0

# Processes are what a look costs on a slow machine, so all sections are printed by one, at the end.
print_sections() {
  awk -v work="$work" '{
    printf "\n[%s]\n", $0
    file = work "/" NR
    while ((getline line < file) > 0) print " " line
    close(file)
    file = file ".errors"
    while ((getline line < file) > 0) print "!" line
    close(file)
  }' "$work/list"
}

run() {
  name=$1
  shift
  count=$((count + 1))
  out=$work/$count
  status=0
  if command -v "$1" >/dev/null 2>&1; then
    case $1 in
      # These wait for nobody, or have a time limit of their own; own_* are functions.
      cat | chrt | dpkg-query | grep | ip | ovs-appctl | ovs-ofctl | ovs-vsctl | own_* | sed | sha256sum | stat) ;;
      *) set -- timeout 30 "$@" ;;
    esac
    "$@" >"$out" 2>"$out.errors" || status=$?
  else
    status=127
    echo "$1 is not installed" >"$out.errors"
  fi
  echo "$name $status" >>"$work/list"
}

run boot-id cat /proc/sys/kernel/random/boot_id
run ovs ovs-vsctl --timeout=10 --format=json --columns=other_config list Open_vSwitch -- list Bridge -- list Port -- list Interface
run vswitchd-version ovs-appctl --timeout=10 --target=ovs-vswitchd version
vswitchd=
[ ! -r /run/openvswitch/ovs-vswitchd.pid ] || read -r vswitchd </run/openvswitch/ovs-vswitchd.pid
run vswitchd-scheduling chrt --pid "$vswitchd"
run ip ip -j -d addr show
# Asking Docker would start it by its socket, before its turn.
run docker-active systemctl is-active docker.service
if [ "$status" -eq 0 ]; then
  if "$ask_version"; then
    run docker-version docker version --format '{{.Server.Version}}'
  fi
  run docker-network docker network inspect bridge
fi
