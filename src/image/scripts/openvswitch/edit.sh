# Takes what the target release may lack out of the packaging: sh edit.sh DEBIAN
# DPDK and AF_XDP, which want newer libraries than a stable Debian has, and the packages that need them. DEBIAN is the source's folder.
set -eu
cd "$1"
# A release of upstream has what makes these two; its comments are the dependencies of a build with DPDK.
[ -e control ] || grep -v '^# DPDK_NETDEV' control.in >control
[ -e copyright ] || [ ! -e copyright.in ] || sed 's/^%AUTHORS%/  those in AUTHORS.rst of the source/' copyright.in >copyright

# architecture-is-64-bit: Debian 12 has no such package, and we build for amd64.
awk '
    function end_of_field(   count, index_, parts, name) {
        if (field == "") return
        count = split(field, parts, ",")
        printf "%s:", title
        for (index_ = 1; index_ <= count; index_++) {
            name = parts[index_]
            gsub(/^[ \t\n]+|[ \t\n]+$/, "", name)
            if (name != "" && name !~ /^(architecture-is-64-bit|libdpdk-dev|libxdp-dev|libbpf-dev)([ (\[]|$)/) printf "\n %s,", name
        }
        printf "\n"
        field = ""
    }
    /^#/ { next }
    /^[ \t]/ && field != "" { field = field "\n" $0; next }
    { end_of_field() }
    /^Package:/ { dropped = ($2 ~ /-dpdk$/) }
    /^$/ { if (!dropped) print; dropped = 0; next }
    dropped { next }
    # Nothing in the build then asks for root.
    /^Rules-Requires-Root:/ { next }
    /^Source:/ { print; print "Rules-Requires-Root: no"; next }
    /^Build-Depends/ { title = $0; sub(/:.*/, "", title); field = $0; sub(/^[^:]*:/, "", field); field = field " "; next }
    { print }
    END { end_of_field() }
' control >control.new
mv control.new control

# Each condition on a list of architectures with amd64 guards the second build, in _dpdk.
sed -E 's/^(ifneq) \(,\$\(filter [^)]*\bamd64\b[^)]*\$\(DEB_HOST_ARCH\)\)\)/\1 (,)/' rules >rules.new
chmod +x rules.new
mv rules.new rules
