#!/bin/sh
# Scripts, by the shell that they name; what is sourced by scripts of sh; and bootcmd, which is in no file.
check() { # NAME COMMAND...
    name=$1
    shift
    if "$@" >/tmp/said 2>&1; then echo "script $name"; else echo "wrong: $name: $(cat /tmp/said)"; fi
}
while read -r path; do
    first=$(head -n 1 "$path")
    case $first in
    '#!/bin/sh') check "$path" dash -n "$path" ;;
    '#!/bin/bash') check "$path" bash -n "$path" ;;
    '#!'*) echo "wrong: $path: nobody reads $first" ;;
    *) [ "$path" != /etc/meshimg/host.conf ] || check "$path" dash -n "$path" ;;
    esac
done </in/files
python3 - >/tmp/bootcmd 2>/tmp/runcmd <<'EOF'
import sys, yaml
data = yaml.safe_load(open("/in/user-data"))
[[shell, option, script]], [[program]] = data["bootcmd"], data["runcmd"]
assert (shell, option) == ("sh", "-c")
print(script)
print(program, file=sys.stderr)
EOF
check bootcmd dash -n /tmp/bootcmd
program=$(cat /tmp/runcmd)
[ -x "$program" ] || echo "wrong: runcmd: $program is no program"
