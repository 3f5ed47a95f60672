# What `meshimg apply` and `meshimg wipe` compare with the plan; follows facts/gather.sh, whose `run` it uses.
# shellcheck disable=SC2086 # lists of paths and packages of meshimg's own
run files-hash sha256sum $files
# shellcheck disable=SC2086 # the same list
run files-mode stat --format '%a %n' $files
# Files of meshimg's that other plans have; the unit that takes a change back is none.
own_files() {
  for file in /etc/systemd/system/meshimg-*.service /etc/systemd/system/*.d/meshimg*.conf /usr/local/lib/meshimg/* /etc/meshimg/* \
    /etc/network/interfaces.d/60-meshimg /etc/sysctl.d/60-meshimg.conf /etc/udev/rules.d/60-meshimg.rules \
    /etc/apt/preferences.d/meshimg-open-vswitch /etc/apt/sources.list.d/meshimg-open-vswitch.sources; do
    if [ -f "$file" ] && [ "$file" != /etc/systemd/system/meshimg-undo.service ]; then echo "$file"; fi
  done
}
run ours own_files
# One that nobody knows makes it end with 1; the others are there all the same.
# shellcheck disable=SC2016,SC2086 # dpkg-query puts the values in; a list of packages
run packages dpkg-query -W -f '${db:Status-Status} ${Package}\n' $packages
run enabled systemctl show --property Id,UnitFileState meshimg-mesh.service meshimg-setup.service
run claimed sed -n 1p /etc/meshimg/host.conf
run os-release cat /etc/os-release
# One that is confirmed is none, though the power went before its end.
own_change_is_pending() {
  [ -e /etc/systemd/system/meshimg-undo.service ] && [ ! -e /var/lib/meshimg/confirmed ]
}
run pending own_change_is_pending
run before cat /var/lib/meshimg/before/kept
run by-cloud-init grep -qs /var/lib/meshimg/done /var/lib/cloud/instance/user-data.txt /var/lib/cloud/instance/cloud-config.txt
