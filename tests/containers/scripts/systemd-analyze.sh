#!/bin/sh
# Units and drop-ins, with the packages' own units that they belong to: as cloud-init leaves them, and as they are at the first boot,
# when those in /run count and those in /etc are not there yet.
unit_of() { # PATH
    case $1 in
    *.service) echo "$1" ;;
    *.service.d/*.conf)
        folder=${1%/*}
        name=${folder##*/}
        echo "/lib/systemd/system/${name%.d}"
        ;;
    *) echo "wrong: $1 is neither unit nor drop-in" >&2 ;;
    esac
}
verify() { # WORD, paths on stdin
    units=$(while read -r path; do unit_of "$path"; done | sort -u)
    for unit in $units; do echo "$1 ${unit##*/}"; done
    # shellcheck disable=SC2086 # a list of paths
    systemd-analyze verify --man=no $units
}
grep ^/etc/systemd/system/ /in/files | verify unit
export SYSTEMD_UNIT_PATH=/run/systemd/system:/lib/systemd/system
verify first </run/meshimg/first-boot
