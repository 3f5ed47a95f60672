#!/bin/sh
# The daemon's configuration with the command line that systemd would use: the last ExecStart= of unit and drop-ins.
line=$(cat /lib/systemd/system/docker.service /etc/systemd/system/docker.service.d/*.conf | sed -n 's/^ExecStart=\(.\)/\1/p' | tail -n 1)
echo "line $line"
# The unit puts it there from its environment file.
export DOCKER_OPTS=
eval "set -- $line"
# The operator's own certificates are read too; any will do.
sed -n 's/^ *"tls\(cacert\|cert\|key\)": "\(.*\)",*$/\2/p' /etc/docker/daemon.json >/tmp/pem
if [ -s /tmp/pem ]; then
    openssl req -x509 -newkey ed25519 -nodes -subj /CN=test -keyout /tmp/key -out /tmp/certificate 2>/dev/null
    while read -r path; do
        cat /tmp/key /tmp/certificate >"$path"
    done </tmp/pem
fi
if dockerd --help | grep -q -e --validate; then
    "$@" --validate 2>&1 | sed 's/^/said /'
else
    # Docker 20.10 of Debian 12 cannot only validate. It reads its configuration before it looks who runs it.
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@" 2>&1 | sed 's/^/said /'
fi
