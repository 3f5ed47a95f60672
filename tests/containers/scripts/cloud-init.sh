#!/bin/sh
# cloud-init's first two boot stages, as far as they make files and users. Prints what is there then.
mkdir -p /var/lib/cloud/seed/nocloud
for name in user-data meta-data network-config; do
    [ ! -e "/in/$name" ] || cp "/in/$name" /var/lib/cloud/seed/nocloud/
done
cat >/etc/cloud/cloud.cfg.d/99_test.cfg <<'EOF'
datasource_list: [NoCloud]
preserve_hostname: true
ssh_genkeytypes: [ed25519]
cloud_init_modules: [bootcmd, write_files, users_groups, ssh]
EOF
# No systemd runs here; what is asked of it is noted.
printf '#!/bin/sh\necho "systemctl $*" >>/var/log/systemctl\n' >/usr/local/sbin/systemctl
chmod 755 /usr/local/sbin/systemctl

cloud-init init --local >/tmp/local 2>&1 || echo "wrong: init --local: $(cat /tmp/local)"
cloud-init init >/tmp/init 2>&1 || echo "wrong: init: $(cat /tmp/init)"
sed -n 's/^.*\[\(WARNING\|ERROR\|CRITICAL\)\]: /wrong: /p; s/^Traceback/wrong: &/p' /var/log/cloud-init.log
python3 - <<'EOF'
import json
stages = json.load(open("/run/cloud-init/status.json"))["v1"]
for stage in stages.values():
    if isinstance(stage, dict):
        for error in stage["errors"] + list(stage.get("recoverable_errors", {}).values()):
            print("wrong:", error)
names = json.load(open("/run/cloud-init/instance-data.json"))["v1"]
print("instance", names["instance_id"])
print("hostname", names["local_hostname"])
EOF
while read -r path; do
    if [ -f "$path" ]; then
        hash=$(sha256sum "$path")
        echo "file $(stat --format=%04a "$path") ${hash%% *} $path"
    else
        echo "wrong: $path was not written"
    fi
done </in/files
home=$(getent passwd "$(cat /in/user)" | cut -d: -f6)
[ ! -e "$home/.ssh/authorized_keys" ] || sed -n '/^[^#]/s/^/key /p' "$home/.ssh/authorized_keys"
cat /var/log/systemctl
