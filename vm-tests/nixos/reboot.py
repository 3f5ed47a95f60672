# All nodes reboot at once, and the mesh is as it was, with the containers on it.

start_all()
ping_matrix(start_containers(machines))

for node in machines:
    node.shutdown()
for node in machines:
    node.start()

with subtest("docker0 is as it was, and Docker made no other"):
    containers = start_containers(machines)
    for node in machines:
        addresses = node.succeed("ip -4 -oneline address show dev docker0 | wc -l").strip()
        assert addresses == "1", f"{node.name}: docker0 has {addresses} addresses"
        node.succeed("bridge link show dev br0 | grep -q 'master docker0'")
        node.require_unit_state("meshimg-mesh.service", "active")
with subtest("containers reach each other"):
    ping_matrix(containers)
