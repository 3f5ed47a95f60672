# A container on each node pings the others, also with packets of exactly the MTU.

start_all()
containers = start_containers(machines)
with subtest("containers reach each other"):
    ping_matrix(containers)
with subtest("a packet of exactly the MTU passes, and one byte more does not"):
    full_packets(containers, MTU)
with subtest("a second run of the script changes nothing"):
    settings = "; ".join(
        [
            "ovs-vsctl --columns=name,ports,other_config,rstp_enable,stp_enable list bridge",
            "ovs-vsctl --columns=name,interfaces,other_config list port",
            "ovs-vsctl --columns=name,type,options,bfd,mtu_request list interface",
            "ip -4 -oneline address show dev docker0",
        ]
    )
    for node in machines:
        before = node.succeed(settings)
        node.succeed("systemctl reload meshimg-mesh.service")
        after = node.succeed(settings)
        assert before == after, f"{node.name}: before the reload:\n{before}\nafter it:\n{after}"
    ping_matrix(containers)
with subtest("stop takes both bridges away, start brings them back with the containers on them"):
    host1.succeed("systemctl stop meshimg-mesh.service")
    host1.fail("ip link show br0")
    host1.fail("ip link show docker0")
    host1.succeed("systemctl start meshimg-mesh.service")
    ping_matrix(containers)
