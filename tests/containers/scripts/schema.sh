#!/bin/sh
# The data against cloud-init's own schemas. Debian 12 has none of network-config.
said() { # NAME COMMAND...
    name=$1
    shift
    if "$@" >/tmp/said 2>&1; then echo "valid $name"; else echo "wrong: $name: $(tr '\n' ' ' </tmp/said)"; fi
}
said user-data cloud-init schema --config-file /in/user-data
if [ -e /in/network-config ] && cloud-init schema --help | grep -q -e --schema-type; then
    said network-config cloud-init schema --schema-type network-config --config-file /in/network-config
fi
