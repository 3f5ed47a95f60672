# The end of what `meshimg apply` sends to a host, after the files in $folder/new and the lists beside them: keeps what is there now, arms the timer that
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
umask 022
cat >/etc/systemd/system/meshimg-undo.service <<'END'
# Written by meshimg apply, and removed at its end. Started by a timer, by the failure of meshimg-apply.service, and at a boot before the end.
[Unit]
Description=The state before a change by meshimg that was not confirmed
ConditionPathExistsGlob=/var/lib/meshimg/apply*
Conflicts=meshimg-apply.service
After=meshimg-apply.service

[Service]
Type=oneshot
# In apply.undo, if a boot has come in the middle of it.
ExecStart=/bin/sh -c 'exec sh /var/lib/meshimg/apply*/undo'
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
systemctl start --no-block meshimg-apply.service
trap - EXIT
