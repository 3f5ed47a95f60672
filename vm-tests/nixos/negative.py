# With all links down the same ping as in the other tests must fail: else those prove nothing.

UNDERLAY = {"host1": "192.0.2.1", "host2": "192.0.2.2", "host3": "192.0.2.3"}


def all_links(action):
    """Cuts (-I) or heals (-D) every link, at both ends."""
    for node in machines:
        for name, address in UNDERLAY.items():
            if name != node.name:
                tunnel_rule(node, action, address)


start_all()
containers = start_containers(machines)
ping_matrix(containers)

with subtest("links down: no container reaches another"):
    all_links("-I")
    for node, address in pairs(containers):
        node.wait_until_fails(ping("-c 1 -W 1", address), timeout=30)
        node.fail(ping("-c 3 -W 1", address))
with subtest("the underlay still works, so it was the links"):
    host1.succeed("ping -c 1 -W 2 192.0.2.2")
with subtest("links up: all reach each other again"):
    all_links("-D")
    ping_matrix(containers)
