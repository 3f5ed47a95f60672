#!/bin/sh
# The seed as ds-identify and the NoCloud data source find it, and what is in it.
blkid --probe --output export /in/seed.img | sed -n 's/^\(LABEL\|TYPE\)=/\1 /p'
fsck.fat -n /in/seed.img >/tmp/said 2>&1 || sed 's/^/wrong: /' /tmp/said
for name in $(mdir -b -i /in/seed.img :: | sed 's|^::/||'); do
    mtype -i /in/seed.img "::$name" >/tmp/file
    if cmp -s /tmp/file "/in/$name"; then echo "file $name"; else echo "wrong: $name is another one"; fi
done
