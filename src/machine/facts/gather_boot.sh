run system systemctl is-system-running
run failed systemctl list-units --failed --plain --no-legend --no-pager
for unit in $(cut -d ' ' -f 1 "$out"); do
  run "log:$unit" journalctl --boot --unit "$unit" --lines 8 --output cat --no-pager
done
times=ExecMainStartTimestampMonotonic,InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic
run units systemctl show --property "Id,LoadState,ActiveState,$times" networking.service docker.service
# The first boot is the one at which networking.service ran before cloud-init had written the mesh's configuration.
run mesh-written sh -c 'echo $(($(stat -c %Y /etc/meshimg/host.conf) - \
  $(date -d "$(systemctl show --property InactiveExitTimestamp --value networking.service)" +%s)))'
run manager systemctl show --property InitRDTimestampMonotonic,UserspaceTimestampMonotonic,FinishTimestampMonotonic
run blame systemd-analyze blame --no-pager
# The files that `cloud-init status` reads, and the warning of cloud-init's own check of its user-data at each boot: asking its command
# would cost an emulated host ten seconds of Python. The command is asked for the details when there is a warning, or no log to look at.
run cloud-init sh -c 'command -v cloud-init >/dev/null || { echo "cloud-init is not installed" >&2; exit 127; }
cat /run/cloud-init/status.json'
run cloud-init-result cat /run/cloud-init/result.json
# shellcheck disable=SC2016 # awk's
run cloud-init-schema sh -c 'log=/var/log/cloud-init.log
[ -r "$log" ] && awk "/running .init-local/ { found = 0 }
  /failed schema validation|Invalid cloud-config provided/ { found = 1 }
  END { exit found }" "$log" || exec cloud-init schema --system'
run kernel uname -r
run os-release cat /etc/os-release
run sysctl sh -c 'for name in net/ipv4/ip_forward net/bridge/bridge-nf-call-iptables net/bridge/bridge-nf-call-ip6tables; do
  if [ -r "/proc/sys/$name" ]; then echo "$name=$(cat "/proc/sys/$name")"; fi
done'
