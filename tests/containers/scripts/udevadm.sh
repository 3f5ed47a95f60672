#!/bin/sh
# Rules of udev. Debian 12's udevadm has no `verify`; its `test` says what it could not read in any file.
grep ^/etc/udev/rules.d/ /in/files | while read -r path; do
    if udevadm verify --help >/dev/null 2>&1; then
        if udevadm verify "$path" >/tmp/said 2>&1; then echo "rules $path"; else sed 's/^/wrong: /' /tmp/said; fi
    else
        udevadm test /sys/devices/virtual/mem/null >/tmp/said 2>&1 || echo "wrong: $(tail -n 1 /tmp/said)"
        sed -n "s|^Reading rules file: $path\$|rules $path|p; s|^$path:|wrong: &|p" /tmp/said
    fi
done
