# Says which ports get a broadcast that comes from a port of a bridge with RSTP, before and after the
# daemon has looked at its configuration again. The packages in /srv/archive, if there are any, take the place of those of the image. All ports are
# dummies: there is neither the kernel's module nor traffic.
set -eu
mkdir -p /srv/archive /run/openvswitch
for package in openvswitch-common openvswitch-switch; do
    for file in "/srv/archive/$package"_*.deb; do
        [ ! -e "$file" ] || dpkg -x "$file" /
    done
done
export OVS_RUNDIR=/run/openvswitch
ovs-vswitchd --version | sed -n 1p
ovsdb-tool create /tmp/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server /tmp/conf.db --remote=punix:/run/openvswitch/db.sock --detach --pidfile --log-file=/tmp/ovsdb.log >&2
ovs-vsctl --no-wait init
ovs-vswitchd --enable-dummy=override --detach --pidfile --log-file=/tmp/vswitchd.log >&2
ovs-vsctl --timeout=20 add-br br0 -- set bridge br0 datapath_type=dummy rstp_enable=true -- add-port br0 gre1 -- set interface gre1 type=dummy \
    -- add-port br0 gre2 -- set interface gre2 type=dummy
tries=0
until [ "$(ovs-appctl rstp/show br0 | grep -c '^  gre.* Forwarding ')" = 2 ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { ovs-appctl rstp/show br0 >&2; exit 1; }
    sleep 0.1
done
floods() {
    ovs-appctl ofproto/trace br0 in_port=gre1,dl_dst=ff:ff:ff:ff:ff:ff --names | sed -n 's/^Datapath actions: //p' | tr , '\n' | sort | paste -sd , -
}
echo "before: $(floods)"
# ovs-vsctl returns when the daemon has looked at all bridges again.
ovs-vsctl --timeout=20 add-br other -- set bridge other datapath_type=dummy
echo "after: $(floods)"
