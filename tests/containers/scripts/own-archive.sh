# Runs setup on a host whose Open vSwitch is to come from /srv/archive, and says which there is then. The image has that of Debian.
exec 2>&1
chmod 755 /usr/local/lib/meshimg/*
# There is no systemd, and no network beside the web server; the packages of the image are those that a host needs.
printf '#!/bin/sh\n' >/usr/local/bin/systemctl
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/local/bin/systemctl /usr/sbin/policy-rc.d
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources
python3 -m http.server --bind 127.0.0.1 --directory /srv 8000 >/dev/null 2>&1 &
server=$!
until python3 -c 'import socket; socket.create_connection(("localhost", 8000))' 2>/dev/null; do
    kill -0 "$server"
done
before=$(dpkg-query -W -f '${Version}' openvswitch-switch)
[ "$before" != 4.0.0-2~meshimg13 ]
if PATH=/usr/local/bin:$PATH /usr/local/lib/meshimg/setup; then echo; echo content; else printf '\nfailed'; fi
printf '\n--- state\n'
dpkg-query -W -f '${Package} ${Version}\n' openvswitch-common openvswitch-switch
ovs-vswitchd --version | sed -n 1p
apt-cache policy openvswitch-switch | sed -n 's/^ *Candidate:/candidate/p'
# Nothing is left to do, and nothing of Debian's is wanted in its place.
echo "again: $(apt-get -s -y --allow-downgrades install openvswitch-switch | grep -c '^Inst') packages" || true
kill "$server"
