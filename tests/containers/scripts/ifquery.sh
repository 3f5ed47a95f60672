#!/bin/sh
# What ifupdown reads in /etc/network/interfaces.d: who is brought up by whom, and every option of every stanza.
set -eu
cd /etc/network/interfaces.d
[ -n "$(ls)" ] || exit 0
classes=$(sed -n 's/^allow-\([^ ]*\) .*/\1/p' ./* | sort -u)
ifquery --list | sed -n '/^lo$/!s/^/auto /p'
for class in $classes; do
    ifquery --list --allow="$class" | sed "s/^/allow-$class /"
done
sed -n 's/^iface \([^ ]*\) .*/\1/p' ./* | sort -u | while read -r name; do
    if [ "$name" != lo ]; then
        echo "iface $name"
        ifquery "$name" | sed "s/^/$name: /"
    fi
done
