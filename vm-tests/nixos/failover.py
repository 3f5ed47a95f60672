# How long containers are cut off when a link in use is cut and when the root of the spanning tree crashes. Measured by pings every 50 ms.

# Seconds. RSTP with BFD takes 0.3 s, a spanning tree that waits for its timers takes 6 s and more.
OUTAGE_MAX = 2.0

start_all()
containers = start_containers(machines)
ping_matrix(containers)
addresses = dict((node.name, address) for node, address in containers)

with subtest("the link of host1, the root, and host2 is cut by firewall rules"):
    start_pings(host2, addresses["host1"])
    tunnel_rule(host1, "-I", "192.0.2.2")
    tunnel_rule(host2, "-I", "192.0.2.1")
    host2.wait_until_succeeds("ovs-vsctl get interface gre1 bfd_status:state | grep -q down", timeout=30)
    outage = stop_pings(host2)
    print(f"outage when a link was cut: {outage:.2f} s")
    assert outage < OUTAGE_MAX, f"cut off for {outage:.2f} s"
    tunnel_rule(host1, "-D", "192.0.2.2")
    tunnel_rule(host2, "-D", "192.0.2.1")
    host2.wait_until_succeeds("ovs-vsctl get interface gre1 bfd_status:state | grep -q up", timeout=60)
    ping_matrix(containers)

with subtest("host1, the root, crashes"):
    start_pings(host2, addresses["host3"])
    host1.crash()
    host2.wait_until_succeeds("ovs-vsctl get interface gre1 bfd_status:state | grep -q down", timeout=30)
    outage = stop_pings(host2)
    print(f"outage when the root crashed: {outage:.2f} s")
    assert outage < OUTAGE_MAX, f"cut off for {outage:.2f} s"

with subtest("host1 returns"):
    host1.start()
    ping_matrix(start_containers(machines))
