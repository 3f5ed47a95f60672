"""Hosts of a direct fabric, each with its own Open vSwitch in a network namespace of its own (userspace datapath, real tunnels), a container on
each, and what of the frames that containers send comes out where.

/in/N has the files of host N, /in/relays a line "ONE OTHER RELAY..." for each pair, /in/trace a line "NAME PORT KEY SOURCE DESTINATION PORTS" for each
frame that host 1 is asked about. Prints "wrong: ..." for what is not as it should be, and "facts N" before what /in/N/gather says.
"""
import ctypes
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time

HOSTS = len([name for name in os.listdir("/in") if name.isdigit()])
NUMBERS = range(1, HOSTS + 1)
# IEEE 802, local experimental EtherType 1.
KIND = 0x88B5
ALL = "ff:ff:ff:ff:ff:ff"
LIBC = ctypes.CDLL(None, use_errno=True)
# Seconds for what comes at once on a machine that has nothing else to do.
PATIENCE = 60


def run(*words, check=True, **options):
    done = subprocess.run(words, capture_output=True, text=True, **options)
    if check and done.returncode != 0:
        sys.exit(f"wrong: {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def within(namespace, *words, **options):
    return run("ip", "netns", "exec", namespace, *words, **options)


def on(host, *words, **options):
    folder = f"/run/ovs{host}"
    environment = dict(os.environ, OVS_RUNDIR=folder, OVS_DBDIR=folder, OVS_LOGDIR=folder)
    return within(f"h{host}", *words, env=environment, **options)


def wrong(text):
    print(f"wrong: {text}", flush=True)


def until(what, look, seconds=PATIENCE):
    """What `look` gives once it is true; each look asks or listens, so there is no pause."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
    wrong(f"not within {seconds} s: {what}")
    return None


def pretend():
    """systemd is not here, and neither is the kernel's module for Open vSwitch: its datapath in user space takes no part of the kernel's."""
    programs = {
        "systemctl": "#!/bin/sh\nexit 0\n",
        "ovs-vsctl": """#!/bin/sh
for word; do
    [ "$word" != add-br ] || exec /usr/bin/ovs-vsctl "$@" -- set bridge br0 datapath_type=netdev
done
exec /usr/bin/ovs-vsctl "$@"
""",
    }
    for name, text in programs.items():
        with open(f"/usr/local/sbin/{name}", "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(f"/usr/local/sbin/{name}", 0o755)


def start_daemon(host):
    on(host, "ovs-vswitchd", f"unix:/run/ovs{host}/db.sock", "--disable-system", "--pidfile", "--detach", "--no-chdir", "--log-file",
       "-vconsole:off")


def start(host):
    within("switch", "ip", "link", "add", f"s{host}", "type", "veth", "peer", "name", "eth1", "netns", f"h{host}")
    within("switch", "ip", "link", "set", f"s{host}", "master", "switch", "up")
    within(f"h{host}", "ip", "link", "set", "eth1", "up")
    within(f"h{host}", "ip", "link", "set", "lo", "up")
    folder = f"/run/ovs{host}"
    os.makedirs(folder, exist_ok=True)
    run("ovsdb-tool", "create", f"{folder}/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
    on(host, "ovsdb-server", f"{folder}/conf.db", f"--remote=punix:{folder}/db.sock", "--pidfile", "--detach", "--no-chdir", "--log-file",
       "-vconsole:off")
    on(host, "ovs-vsctl", "--no-wait", "init")
    start_daemon(host)
    # The underlay's NIC: this datapath sends tunnels by a bridge of its own.
    on(host, "/usr/bin/ovs-vsctl", "add-br", "under", "--", "set", "bridge", "under", "datapath_type=netdev", "--", "add-port", "under", "eth1")
    within(f"h{host}", "ip", "address", "add", f"192.0.2.{host}/24", "dev", "under")
    within(f"h{host}", "ip", "link", "set", "under", "up")
    on(host, f"/in/{host}/mesh", "up", f"/in/{host}/host.conf")
    on(host, f"/in/{host}/mesh-rules", f"/in/{host}/host.conf")
    within(f"h{host}", "ip", "link", "add", "eth0", "netns", f"c{host}", "type", "veth", "peer", "name", "container")
    within(f"h{host}", "ip", "link", "set", "container", "master", "docker0", "up")
    within(f"c{host}", "ip", "link", "set", "lo", "up")
    within(f"c{host}", "ip", "link", "set", "eth0", "address", f"02:00:00:00:02:0{host}", "up")
    within(f"c{host}", "ip", "address", "add", f"198.51.100.{host}/24", "dev", "eth0")


class Container:
    """A socket on the NIC of a container."""

    def __init__(self, host):
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        away = os.open(f"/run/netns/c{host}", os.O_RDONLY)
        for place in (away, home):
            if place == home:
                self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(KIND))
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
                self.socket.bind(("eth0", KIND))
            if LIBC.setns(place, 0) != 0:
                sys.exit(f"wrong: setns: {os.strerror(ctypes.get_errno())}")
        os.close(home)
        os.close(away)

    def send(self, source, destination, text):
        octets = bytes.fromhex(destination.replace(":", "") + source.replace(":", ""))
        self.socket.send(octets + struct.pack("!H", KIND) + text.encode().ljust(46, b" "))

    def received(self):
        """The texts of all frames that have come."""
        texts = []
        while select.select([self.socket], [], [], 0)[0]:
            frame, address = self.socket.recvfrom(2048)
            # Not those that it has sent itself.
            if address[2] != socket.PACKET_OUTGOING:
                texts.append(frame[14:].decode().strip())
        return texts


CONTAINERS = {}
COUNT = 0


def counted():
    """Of flows that it knows Open vSwitch learns when it counts their packets, at most max-revalidator later: everything has been counted."""
    for number in NUMBERS:
        on(number, "ovs-appctl", "--target=ovs-vswitchd", "revalidator/wait")


def frame(sender, source, destination, wait=None):
    """By host, how often a frame from the container on `sender` has come there. A second frame, to all, shows that the first is where it can be: what
    is sent to one host over one path does not overtake. `wait` bounds that, for hosts that the mark cannot reach."""
    global COUNT
    COUNT += 1
    text, mark = f"frame {COUNT}", f"mark {COUNT}"
    CONTAINERS[sender].send(source, destination, text)
    counts = dict.fromkeys(NUMBERS, 0)
    missing = {number for number in NUMBERS if number != sender}
    sockets = {container.socket: number for number, container in CONTAINERS.items()}
    end = time.monotonic() + (wait or PATIENCE)
    while missing and time.monotonic() < end:
        # Again where nothing comes: this datapath drops frames of new flows while it looks at its old ones.
        CONTAINERS[sender].send(f"02:00:00:00:03:0{sender}", ALL, mark)
        while missing and time.monotonic() < end:
            ready = select.select(list(sockets), [], [], 0.5)[0]
            if not ready:
                break
            for number in map(sockets.get, ready):
                for got in CONTAINERS[number].received():
                    counts[number] += got == text
                    if got == mark:
                        missing.discard(number)
    if missing and not wait:
        wrong(f"a broadcast from host {sender} does not come to {sorted(missing)}")
    # Copies that a loop or a flood would have made are as old as the marks, or older.
    for number in NUMBERS:
        counts[number] += sum(got == text for got in CONTAINERS[number].received())
    return {number: count for number, count in counts.items() if count}


def expect(what, sent, wanted):
    """`sent` has come where it was to, perhaps after some that came nowhere; to nobody else, and to nobody twice."""
    end = time.monotonic() + PATIENCE
    found = frame(*sent)
    while found != wanted and found.items() <= wanted.items() and time.monotonic() < end:
        found = frame(*sent)
    if found != wanted:
        wrong(f"{what}: came to {found}, not to {wanted}")


def expect_now(what, found, wanted):
    if found != wanted:
        wrong(f"{what}: came to {found}, not to {wanted}")


def once_each(sender):
    return {number: 1 for number in NUMBERS if number != sender}


def forwarding(host, peer):
    name = on(host, "ovs-vsctl", "--bare", "--columns=name", "find", "Interface", f"options:remote_ip=192.0.2.{peer}").strip()
    # BFD's own word: the database's is seconds old.
    shown = on(host, "ovs-appctl", "--target=ovs-vswitchd", "bfd/show", name)
    return "Forwarding: true" in shown


def cut(one, other):
    for host, peer in ((one, other), (other, one)):
        on(host, "ovs-ofctl", "add-flow", "under", f"priority=9,ip,nw_src=192.0.2.{peer},actions=drop")
    until(f"{one} and {other} find their link dead", lambda: not forwarding(one, other) and not forwarding(other, one))


def mend(one, other):
    for host, peer in ((one, other), (other, one)):
        on(host, "ovs-ofctl", "del-flows", "under", f"ip,nw_src=192.0.2.{peer}")
    until(f"{one} and {other} find their link alive", lambda: forwarding(one, other) and forwarding(other, one))


def passed_on(host):
    """Frames that a host has sent on for others."""
    dump = on(host, "ovs-ofctl", "dump-flows", "br0", "table=1")
    lines = [line for line in dump.splitlines() if "actions=group:" in line]
    return sum(int(re.search("n_packets=([0-9]*)", line)[1]) for line in lines)


def mac(last):
    return f"02:00:00:00:04:{last:02x}"


def floods():
    expect("a broadcast", (1, mac(1), ALL), once_each(1))
    expect("IPv4 multicast", (2, mac(2), "01:00:5e:00:00:fb"), once_each(2))
    expect("IPv6 multicast", (3, mac(3), "33:33:00:00:00:01"), once_each(3))
    expect("what is for an unknown address", (1, mac(1), mac(99)), once_each(1))
    expect("what is for an address learnt from a broadcast", (1, mac(1), mac(2)), {2: 1})
    expect("what is for an address learnt from another host", (3, mac(3), mac(1)), {1: 1})


def moves():
    """A container that goes to another host, and says so by one broadcast, as a gratuitous ARP is."""
    expect("an address to be", (2, mac(10), ALL), once_each(2))
    expect("before the move", (1, mac(1), mac(10)), {2: 1})
    # To stop a container in one place and start it in another takes longer.
    counted()
    expect("what it says as it moves", (3, mac(10), ALL), once_each(3))
    for sender in NUMBERS:
        if sender != 3:
            expect(f"after the move, from host {sender}", (sender, mac(20 + sender), mac(10)), {3: 1})
    counted()
    expect("what it says as it moves here", (1, mac(10), ALL), once_each(1))
    expect("after a move here", (3, mac(3), mac(10)), {1: 1})
    for _ in range(20):
        for claims in (2, 3):
            expect(f"an address of two hosts, as {claims} claims it", (claims, mac(11), ALL), once_each(claims))


    def last_has_it():
        # Packets of the other's flow that were counted late may have been the last that was learnt. Whoever has an address says more than one word.
        frame(3, mac(11), ALL)
        return frame(1, mac(1), mac(11)) == {3: 1}

    until("the last that claims an address gets what is for it", last_has_it)


def many():
    """Ten thousand addresses of one host, in parts: nobody sends faster than others listen."""
    total, part = 10_000, 200
    address = "02:00:00:01:{:02x}:{:02x}".format
    for first in range(0, total, part):
        missing = {f"many {number}": number for number in range(first, first + part)}

        def all_came():
            # A datapath in user space drops frames of new flows while it looks at the old ones; they are sent again.
            for text, number in missing.items():
                CONTAINERS[2].send(address(number >> 8, number & 255), mac(1), text)
            while missing and select.select([CONTAINERS[1].socket], [], [], 0.3)[0]:
                for text in CONTAINERS[1].received():
                    missing.pop(text, None)
            return not missing

        until("a part of ten thousand frames", all_came)
    dump = on(1, "ovs-ofctl", "dump-aggregate", "br0", "table=2")
    learnt = int(re.search("flow_count=([0-9]*)", dump)[1])
    if learnt < total:
        wrong(f"of {total} addresses {learnt} are remembered")
    for number in range(0, total, 997):
        expect(f"address {number} of many", (1, mac(1), address(number >> 8, number & 255)), {2: 1})
    expect("a broadcast among many", (3, mac(3), ALL), once_each(3))


def relays():
    wanted = {}
    for line in open("/in/relays", encoding="ascii"):
        one, other, *others = map(int, line.split())
        wanted[one, other] = others
    expect("before the cut", (2, mac(2), ALL), once_each(2))
    expect("before the cut", (1, mac(1), ALL), once_each(1))
    cut(1, 2)
    before = {number: passed_on(number) for number in NUMBERS}
    expect("over a relay", (1, mac(1), mac(2)), {2: 1})
    expect("over a relay, back", (2, mac(2), mac(1)), {1: 1})
    expect("a broadcast, over a relay too", (1, mac(1), ALL), once_each(1))
    # Flows are counted a moment later.
    first, *others = wanted[1, 2]
    until("the planned relay passes frames on", lambda: passed_on(first) >= before[first] + 3)
    for number in NUMBERS:
        if number != first and passed_on(number) > before[number]:
            wrong(f"host {number} has passed frames on, and {first} was to")
    if others:
        # The second relay takes over from the first, whichever end it is that has lost it.
        cut(1, first)
        expect("over the second relay", (1, mac(1), mac(2)), {2: 1})
        mend(1, first)
        # A sender does not know of its relay's own links. The relay does, and has a relay of its own.
        cut(2, first)
        expect("over a relay of its relay", (1, mac(1), mac(2)), {2: 1})
        expect("a broadcast, over a relay of its relay too", (1, mac(1), ALL), once_each(1))
        mend(2, first)
    mend(1, 2)
    expect("directly again", (1, mac(1), mac(2)), {2: 1})


def restarts():
    """ovs-vswitchd is killed: until it has its rules again nothing passes, and nothing floods."""
    pidfile = "/run/ovs1/ovs-vswitchd.pid"
    os.kill(int(open(pidfile, encoding="ascii").read()), 9)
    until("ovs-vswitchd is gone", lambda: not on(1, "ovs-appctl", "--target=ovs-vswitchd", "version", check=False))
    start_daemon(1)
    until("its links are alive again", lambda: all(forwarding(1, peer) for peer in NUMBERS if peer != 1))
    expect_now("without rules", frame(1, mac(1), ALL, wait=2), {})
    expect_now("without rules, from another", frame(2, mac(2), ALL, wait=2), {number: 1 for number in NUMBERS if number not in (1, 2)})
    on(1, "/in/1/mesh-rules", "/in/1/host.conf")
    expect("with its rules again", (1, mac(1), ALL), once_each(1))
    # Half of them are none: one is wrong, and all stays as it was. Of the first ovs-ofctl makes nothing; the bridge refuses the second group of a number,
    # when it has taken the lines before.
    right = open("/in/1/host.conf", encoding="ascii").read()
    before = on(1, "ovs-ofctl", "--no-stats", "dump-groups", "br0")
    for line in ("9: no_such_port", "4: 4"):
        text = re.sub("(MESH_PATHS='[^']*)'", rf"\1\n{line}'", right)
        if text == right:
            wrong("host.conf has no paths that could be broken")
        with open("/tmp/broken.conf", "w", encoding="ascii") as file:
            file.write(text)
        if "has not got its rules" not in on(1, "sh", "-c", "/in/1/mesh-rules /tmp/broken.conf 2>&1 || true"):
            wrong(f"broken rules are no error: {line}")
        if on(1, "ovs-ofctl", "--no-stats", "dump-groups", "br0") != before:
            wrong(f"rules that were refused have changed something: {line}")
        expect("after rules that were refused", (1, mac(1), ALL), once_each(1))


def traces():
    """Where host 1 sends what comes by a tunnel with a key, by names of ports."""
    expect("an address that is here", (1, mac(1), ALL), once_each(1))
    local_and_tunnels = {"br0": "br0"}
    for peer in NUMBERS:
        if peer != 1:
            local_and_tunnels[f"192.0.2.{peer}"] = str(peer)
    for line in open("/in/trace", encoding="ascii"):
        name, port, key, source, destination, wanted = line.split()
        flow = f"in_port={port},tun_id={key},dl_src={source},dl_dst={destination},dl_type={KIND:#x}"
        dump = on(1, "ovs-appctl", "--target=ovs-vswitchd", "ofproto/trace", "br0", flow, "--names")
        # Behind "output to native tunnel" there is the bridge of the underlay.
        shown = dump.split("Datapath actions: ")[-1].strip()
        found = sorted({where for word, where in local_and_tunnels.items() if re.search(rf"\b{re.escape(word)}\b", shown)})
        if found != sorted(wanted.split("+")) and not (wanted == "drop" and shown == "drop"):
            wrong(f"trace {name}: {found} ({shown}), not {wanted}")


def main():
    pretend()
    run("ip", "netns", "add", "switch")
    within("switch", "ip", "link", "add", "switch", "type", "bridge", "mcast_snooping", "0")
    within("switch", "ip", "link", "set", "switch", "up")
    for number in NUMBERS:
        run("ip", "netns", "add", f"h{number}")
        run("ip", "netns", "add", f"c{number}")
    for number in NUMBERS:
        start(number)
    for one in NUMBERS:
        for other in NUMBERS:
            if one != other:
                until(f"the link of {one} and {other}", lambda one=one, other=other: forwarding(one, other))
    for number in NUMBERS:
        CONTAINERS[number] = Container(number)
    steps = {"floods": floods, "moves": moves, "traces": traces, "relays": relays, "restarts": restarts, "many": many}
    only = sys.argv[1:]
    for name, step in steps.items():
        if not only or name in only:
            step()
    for number in NUMBERS:
        for other in NUMBERS:
            if number < other and not only:
                # Neighbour discovery is multicast.
                for address in (f"198.51.100.{other}", f"fe80::ff:fe00:20{other}%eth0"):
                    pings = within(f"c{number}", "ping", "-n", "-c", "2", "-i", "0.2", "-W", "2", address, check=False)
                    if " 2 received, 0% packet loss" not in pings or "DUP" in pings:
                        wrong(f"ping {number} to {address}: {pings}")
    for number in NUMBERS:
        print(f"facts {number}", flush=True)
        print(on(number, "sh", f"/in/{number}/gather"), flush=True)


main()
