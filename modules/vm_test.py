# Used by the VM tests: containers, pings between them, and for how long pings were lost. Pings run in a container's network, by the
# program of its node.

import re

PROBE = "meshimg-probe"
PINGS = "/tmp/meshimg-pings"


def start_containers(nodes):
    """Starts a container on each node, unless it runs; gives (node, address of its container) of each."""
    for node in nodes:
        node.wait_for_unit("meshimg-mesh.service")
        node.wait_for_unit("docker.service")
        node.succeed(
            f"docker container inspect {PROBE} >/dev/null 2>&1 || {{ docker load --input /etc/{PROBE}.tar.gz"
            f" && docker run --detach --restart always --name {PROBE} {PROBE}:latest; }}"
        )
    started = [(node, container_address(node)) for node in nodes]
    addresses = {address for _, address in started}
    assert len(addresses) == len(started), f"two containers have one address: {started}"
    return started


def container_address(node):
    """The address of the node's container, once it has one."""
    text = "{{.NetworkSettings.Networks.bridge.IPAddress}}"
    node.wait_until_succeeds(f"docker inspect --format '{text}' {PROBE} | grep -q '[0-9]'", timeout=60)
    return node.succeed(f"docker inspect --format '{text}' {PROBE}").strip()


def ping(options, address):
    """A command that pings from a container."""
    process = "docker inspect --format '{{.State.Pid}}' " + PROBE
    return f"nsenter --target $({process}) --net ping {options} {address}"


def pairs(containers):
    """Each node with the address of each other node's container."""
    found = [(node, address) for node, _ in containers for other, address in containers if other is not node]
    assert len(found) >= 2, "nothing to ping"
    return found


def ping_matrix(containers):
    """Every container reaches every other, in the end."""
    for node, address in pairs(containers):
        node.wait_until_succeeds(ping("-c 1 -W 1", address), timeout=120)


def full_packets(containers, mtu):
    """A packet of exactly the MTU passes in one piece; one byte more does not."""
    headers = 20 + 8  # IPv4, ICMP
    for node, address in pairs(containers):
        node.succeed(ping(f"-c 3 -W 2 -M do -s {mtu - headers}", address))
        node.fail(ping(f"-c 1 -W 2 -M do -s {mtu - headers + 1}", address))


def answers(node):
    """How many of the pings of start_pings were answered so far."""
    return int(node.succeed(f"grep -c 'bytes from' {PINGS} || true"))


def wait_for_answers(node, count):
    """Waits until that many more pings are answered."""
    wanted = answers(node) + count
    node.wait_until_succeeds(f"test $(grep -c 'bytes from' {PINGS}) -ge {wanted}", timeout=120)


def start_pings(node, address):
    """Pings from the node's container every 50 ms until stop_pings."""
    node.succeed("exec " + ping("-D -n -i 0.05", address) + f" >{PINGS} 2>&1 &")
    wait_for_answers(node, 20)


def stop_pings(node):
    """Ends the pings; gives the longest time without an answer, in seconds."""
    wait_for_answers(node, 20)
    node.succeed("pkill -INT -x ping")
    node.wait_until_succeeds(f"grep -q 'packets transmitted' {PINGS}", timeout=30)
    text = node.succeed(f"cat {PINGS}")
    times = [float(time) for time in re.findall(r"^\[([0-9.]+)\] [0-9]+ bytes from", text, re.MULTILINE)]
    assert len(times) >= 40, f"too few answers to measure: {len(times)}"
    return max(later - earlier for earlier, later in zip(times, times[1:]))


def tunnel_rule(node, action, address):
    """Puts (-I) or removes (-D) a firewall rule that drops the tunnel packets of a host, before anything else looks at them."""
    node.succeed(f"iptables -w -t raw {action} PREROUTING -p gre -s {address} -j DROP")
