#!/bin/sh
# The mesh brought up by ifupdown, by the unit of systemd, and by the one that NixOS has: with Open vSwitch's real database and daemon, in its
# datapath in user space, which needs no module of the kernel; all bridges are real, and so is Docker. /in/WAY has what each way puts on a host.
# Prints after a line "# NAME" how things are then.
. /in/systemd/etc/meshimg/host.conf
printf '#!/bin/sh\nexit 0\n' >/usr/local/sbin/systemctl
cat >/usr/local/sbin/ovs-vsctl <<END
#!/bin/sh
for word; do
    [ "\$word" != add-br ] || exec /usr/bin/ovs-vsctl "\$@" -- set bridge $MESH_BRIDGE datapath_type=netdev
done
exec /usr/bin/ovs-vsctl "\$@"
END
chmod 755 /usr/local/sbin/systemctl /usr/local/sbin/ovs-vsctl
mkdir -p /run/openvswitch /run/network /etc/network/interfaces.d
[ -e /etc/network/interfaces ] || echo 'source /etc/network/interfaces.d/*' >/etc/network/interfaces
ovsdb-tool create /tmp/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server /tmp/conf.db --remote=punix:/run/openvswitch/db.sock --pidfile --detach --no-chdir --log-file=/tmp/ovsdb.log -vconsole:off 2>/dev/null
ovs-vsctl --no-wait init
ovs-vswitchd --disable-system --pidfile --detach --no-chdir --log-file=/tmp/vswitchd.log -vconsole:off 2>/dev/null

# What ifupdown and its hooks say on the way is in the way of nobody who looks at what came of it.
quiet() { "$@" >/tmp/said 2>&1 || echo "wrong: $*: $(cat /tmp/said)"; }
mesh() { quiet /usr/local/lib/meshimg/mesh "$1" /etc/meshimg/host.conf; }
put() { # WAY
    cp -r "/in/$1/." /
    chmod 755 /usr/local/lib/meshimg/*
}
state() { # NAME
    echo "# $1"
    for bridge in "$MESH_BRIDGE" "$CONTAINER_BRIDGE"; do
        [ -e "/sys/class/net/$bridge" ] || continue
        link=/sys/class/net/$bridge
        echo "link $bridge mtu $(cat "$link/mtu") mac $(cat "$link/address") flags $(cat "$link/flags")"
        [ ! -e "$link/bridge" ] || echo "link $bridge stp $(cat "$link/bridge/stp_state") forward delay $(cat "$link/bridge/forward_delay")"
        for port in "$link/brif"/*; do
            [ ! -e "$port" ] || echo "port ${port##*/} of $bridge"
        done
    done
    if [ -e "/sys/class/net/$CONTAINER_BRIDGE" ]; then
        ip -4 -oneline address show dev "$CONTAINER_BRIDGE" | sed 's/^[0-9]*: \(.*\) valid_lft.*/address \1/'
    fi
    ovs-vsctl --timeout=10 --format=json list Open_vSwitch -- list Bridge -- list Port -- list Interface | sed 's/^/ovs /'
}
# What Docker makes of the bridge. Each way has a Docker of its own, which knows nothing of the one before.
docker_network() { # WAY
    folder=/tmp/docker-$1
    mkdir "$folder"
    dockerd --config-file=/etc/docker/daemon.json >"$folder/log" 2>&1 &
    daemon=$!
    # Whoever runs this script ends it should dockerd neither answer nor end.
    until docker version >/tmp/said 2>&1; do
        if ! kill -0 "$daemon" 2>/dev/null; then
            echo "wrong: dockerd has ended: $(tail -n 3 "$folder/log")"
            return
        fi
        sleep 0.1
    done
    # The network has another name and age in each Docker.
    docker network inspect bridge | sed -n -e '/"Id":/d' -e '/"Created":/d' -e 's/^ *\(.*": .*[^[{,]\),*$/docker \1/p'
    # It gives its containers a second to end, and has none. Its containerd ends with it, if not at once.
    kill -KILL "$daemon"
    wait "$daemon" 2>/dev/null || true
}
# Another one where something was made anew.
identity() { # NAME
    echo "# $1"
    ovs-vsctl --columns=_uuid,name list Interface
    cat "/sys/class/net/$MESH_BRIDGE/ifindex" "/sys/class/net/$CONTAINER_BRIDGE/ifindex"
}

put ifupdown
. /etc/meshimg/host.conf
quiet /usr/local/lib/meshimg/mesh-up
state ifupdown
docker_network ifupdown
quiet ifdown "$CONTAINER_BRIDGE"
# It says that tunnels are no interfaces of the kernel.
ifdown --force "$MESH_BRIDGE" >/dev/null 2>&1 || true
rm -r /etc/network/interfaces.d/60-meshimg /etc/meshimg /etc/docker /usr/local/lib/meshimg
state without-ifupdown

put systemd
. /etc/meshimg/host.conf
transactions=$(ovsdb-tool show-log /tmp/conf.db | grep -c add-port)
mesh up
# The spanning tree and all tunnels come at once.
[ "$(ovsdb-tool show-log /tmp/conf.db | grep -c add-port)" -eq $((transactions + 1)) ] || echo "wrong: not one transaction"
state systemd
docker_network systemd
identity before
ip link add name container0 type veth peer name container1
ip link set dev container0 master "$CONTAINER_BRIDGE" up
mesh up
identity after
echo "# ports"
ls "/sys/class/net/$CONTAINER_BRIDGE/brif"

first=${MESH_TUNNELS%% *}
ovs-vsctl add-port "$MESH_BRIDGE" stray -- set interface stray type=gre options:remote_ip=192.0.2.250 \
    -- set interface "$first" options:remote_ip=192.0.2.251 options:key=5 bfd:min_tx=1 -- set port "$first" tag=5 other_config:x=y \
    -- remove bridge "$MESH_BRIDGE" other_config hwaddr -- set bridge "$MESH_BRIDGE" other_config:mac-table-size=99 \
    -- set interface "$MESH_BRIDGE" mtu_request=1280 -- set Open_vSwitch . other_config:max-revalidator=7000
ip address delete "$CONTAINER_ADDRESS" dev "$CONTAINER_BRIDGE"
# A first address with which the kernel would delete the second one.
ip address add "${CONTAINER_ADDRESS%.*}.250/${CONTAINER_ADDRESS#*/}" dev "$CONTAINER_BRIDGE"
ip address add "$CONTAINER_ADDRESS" dev "$CONTAINER_BRIDGE"
ip link set dev "$CONTAINER_BRIDGE" mtu 1300
ip link set dev "$CONTAINER_BRIDGE" address 02:00:00:00:00:99
ip link set dev "$CONTAINER_BRIDGE" type bridge stp_state 1
ip link set dev "$MESH_BRIDGE" nomaster
ip link set dev container0 nomaster
mesh up
state repaired

case $MESH_BRIDGE_SETTINGS in
rstp_enable=true*) other='rstp_enable=false stp_enable=true' ;;
*) other='rstp_enable=true stp_enable=false' ;;
esac
# shellcheck disable=SC2086 # two words
ovs-vsctl set bridge "$MESH_BRIDGE" $other
mesh up
state protocol
identity remade
ip link set dev container0 master "$CONTAINER_BRIDGE"
mesh down
state down
echo "# remembered"
cat /run/meshimg/container-ports
mesh down
mesh up
[ -e "/sys/class/net/$CONTAINER_BRIDGE/brif/container0" ] || echo "wrong: the container has lost its place"
ip link delete dev container0
state again

mesh down
rm -r /etc/meshimg /etc/docker /usr/local/lib/meshimg
state without-systemd
put nixos
. /etc/meshimg/host.conf
mesh up
state nixos
docker_network nixos
