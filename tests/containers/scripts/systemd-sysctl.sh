#!/bin/sh
# Values of sysctl.d(5). Nothing is set: this kernel's /proc/sys is read-only here, and all lines begin with "-".
grep ^/etc/sysctl.d/ /in/files | while read -r path; do
    /lib/systemd/systemd-sysctl "$path" && echo "values $path"
done
