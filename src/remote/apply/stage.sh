# The end of what `meshimg apply` and its like send to a host, after the files in $folder/new and the lists beside them: keeps what is there now, arms the timer that
# brings it back, and starts the change. From here on the host does without us.
keep() {
  if [ -e "$1" ]; then
    mkdir -p "$folder/old${1%/*}"
    cp -p "$1" "$folder/old$1"
    echo "$1" >>"$folder/kept"
  else
    echo "$1" >>"$folder/absent"
  fi
}
: >"$folder/kept"
: >"$folder/absent"
while read -r path; do keep "$path"; done <"$folder/write"
while read -r path; do keep "$path"; done <"$folder/remove"
for unit in meshimg-mesh.service meshimg-setup.service; do
  echo "$unit $(systemctl is-enabled "$unit" 2>/dev/null)" >>"$folder/units"
done
if systemctl is-active --quiet docker.service; then echo docker_ran=true; else echo docker_ran=false; fi >>"$folder/settings"
# Open vSwitch may not be there yet.
ovs-vsctl --timeout=10 --if-exists get Open_vSwitch . other_config:max-revalidator >"$folder/max-revalidator" 2>/dev/null || true
umask 022
cat >/etc/systemd/system/meshimg-undo.service <<'END'
# Written by meshimg, and removed at the end of the change. Started by a timer, by the failure of meshimg-apply.service, and at a boot before the end.
[Unit]
Description=The state before a change by meshimg that was not confirmed
ConditionPathExistsGlob=/var/lib/meshimg/*/undo
Conflicts=meshimg-apply.service
After=meshimg-apply.service

[Service]
Type=oneshot
# In apply.undo or confirmed, if a boot has come in the middle of it.
ExecStart=/bin/sh -c 'exec sh /var/lib/meshimg/*/undo'
TimeoutStartSec=10min

[Install]
WantedBy=multi-user.target
END
cat >/run/systemd/system/meshimg-apply.service <<END
[Unit]
Description=A change by meshimg
OnFailure=meshimg-undo.service

[Service]
Type=oneshot
ExecStart=/bin/sh $folder/change
TimeoutStartSec=$limit
END
# The change itself has a limit; this is for when it does not come to its end, whatever the reason.
printf '[Timer]\nOnActiveSec=%s\nAccuracySec=1s\n' "$((limit + confirm))" >/run/systemd/system/meshimg-undo.timer
sync
systemctl --no-reload enable meshimg-undo.service 2>/dev/null
systemctl daemon-reload
systemctl restart meshimg-undo.timer
# On one line: what ends this script now may not take away what the change goes by.
trap - EXIT; systemctl start --no-block meshimg-apply.service
