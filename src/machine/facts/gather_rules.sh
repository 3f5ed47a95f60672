# What a bridge without a spanning tree forwards by; of the rules that it has learnt, thousands perhaps, nothing.
# shellcheck disable=SC2016 # the inner shell puts the values in
run flows sh -c 'flows=$(ovs-ofctl --timeout=10 -O OpenFlow14 --no-names --no-stats dump-flows "$1") || exit 1
  printf "%s\n" "$flows" | sed "/^ *table=2,/d"' flows "$mesh_bridge"
run groups ovs-ofctl --timeout=10 -O OpenFlow14 --no-names dump-groups "$mesh_bridge"
