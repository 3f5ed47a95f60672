//! The rules of names, each a check that says what would be accepted.
//!
//! Every string of a cluster.yaml that reaches a file on a host goes through one of these, so no metacharacter of shell, YAML,
//! systemd units or interfaces(5) gets past the parser.

type Check = Result<(), String>;

/// Names that the kernel makes itself when a module is loaded, or that a distribution gives to NICs: a bridge or tunnel of that
/// name would collide with it (`net/ipv4/ip_gre.c`, `net/openvswitch/vport-*.c`, systemd.net-naming-scheme(7)).
const KERNEL_OWNED: &[&str] = &[
    "lo",
    "gre0",
    "gretap0",
    "erspan0",
    "gre_sys",
    "ip6gre0",
    "ip6gretap0",
    "ip6erspan0",
    "ip6gre_sys",
    "tunl0",
    "sit0",
    "ip6tnl0",
    "ip_vti0",
    "ip6_vti0",
    "vxlan_sys_4789",
    "genev_sys_6081",
    "ovs-system",
    "ovs-netdev",
    "all",
    "default",
];

/// The longest interface name: IFNAMSIZ (16, `linux/if.h`) less the terminating NUL.
pub const INTERFACE_NAME_MAX: usize = 15;

/// A lower case label of RFC 1123 section 2.1.
pub fn check_label(text: &str) -> Check {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || text.len() > 63 {
        return Err("a name has 1 to 63 characters (RFC 1123)".into());
    }
    if !text.chars().all(legal) || text.starts_with('-') || text.ends_with('-') {
        return Err("a name has lower case letters, digits and '-' only, and neither starts nor ends with '-' (RFC 1123)".into());
    }
    if text == "localhost" {
        return Err("'localhost' is every machine's own name".into());
    }
    Ok(())
}

/// A name that Linux and interfaces(5) take for any interface, NICs included.
pub fn check_interface(text: &str) -> Check {
    if text.is_empty() || text.len() > INTERFACE_NAME_MAX {
        return Err(format!("an interface name has 1 to {INTERFACE_NAME_MAX} characters (IFNAMSIZ)"));
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) || !text.chars().all(legal) {
        return Err("an interface name starts with a letter and has letters, digits, '-', '_' and '.' only".into());
    }
    if KERNEL_OWNED.contains(&text) {
        return Err(format!("'{text}' belongs to the kernel"));
    }
    Ok(())
}

/// A name for a bridge that we make: additionally not one of a NIC, a tunnel of ours or another program's bridge.
pub fn check_bridge(text: &str) -> Check {
    check_interface(text)?;
    const NIC_PREFIXES: &[&str] = &[
        "eth", "en", "wl", "ww", "ib", "veth", "gre", "vxlan", "geneve", "tun", "tap", "wg", "bond", "dummy",
    ];
    let numbered = |prefix: &&str| {
        text.strip_prefix(*prefix)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let predictable = ["eno", "ens", "enp", "enx", "wlp", "wlan"]
        .iter()
        .any(|prefix| text.starts_with(prefix));
    if predictable || NIC_PREFIXES.iter().any(numbered) {
        return Err(format!("'{text}' is the name of a NIC or tunnel, not of a bridge"));
    }
    Ok(())
}

/// Debian Policy 5.6.1.
pub fn check_package(text: &str) -> Check {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if text.len() < 2 || text.len() > 128 || !text.starts_with(first) || !text.chars().all(legal) {
        return Err("a package name has lower case letters, digits, '+', '-' and '.', and starts with a letter or digit".into());
    }
    Ok(())
}

/// The default rule of useradd(8).
pub fn check_user(text: &str) -> Check {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    if text.is_empty() || text.len() > 32 || !text.starts_with(first) || !text.chars().all(legal) {
        return Err("a user name has 1 to 32 lower case letters, digits, '-' and '_', and starts with a letter or '_'".into());
    }
    Ok(())
}

/// One key as `ssh-keygen` prints it: type, base64 blob, comment.
pub fn check_authorized_key(text: &str) -> Check {
    const KINDS: &[&str] = &["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
    if text.len() > 16 * 1024 || text.chars().any(|c| c.is_control()) {
        return Err("a key is one line of at most 16 KiB without control characters".into());
    }
    let mut words = text.split(' ');
    let kind = words.next().unwrap_or_default();
    let blob = words.next().unwrap_or_default();
    let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let kind_legal =
        KINDS.iter().any(|prefix| kind.starts_with(prefix)) && kind.chars().all(|c| c.is_ascii_alphanumeric() || "-@.".contains(c));
    if !kind_legal || blob.len() < 32 || !blob.chars().all(base64) {
        return Err("a key is the line of an id_*.pub file: type, base64 text, comment".into());
    }
    Ok(())
}

/// An absolute path that needs quoting nowhere.
pub fn check_host_path(text: &str) -> Check {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '+' | '-');
    if !text.starts_with('/') || text.len() > 4096 || !text.chars().all(legal) || text.split('/').any(|part| part == "..") {
        return Err("a path starts with '/', has letters, digits and '/._+-' only, and no '..'".into());
    }
    Ok(())
}

/// A URL as apt takes it in sources.list(5).
pub fn check_archive_url(text: &str) -> Check {
    let rest = ["http://", "https://", "file:///"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    // Of RFC 3986 without what a shell reads (`!&()*;`), and '%' only before two hexadecimal digits.
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._~:/@+,=%".contains(c);
    let escape = |after: &str| after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if text.len() > 2048 || rest.is_none_or(str::is_empty) || !text.chars().all(legal) || !text.split('%').skip(1).all(escape) {
        return Err("a package archive is an http://, https:// or file:/// URL of letters, digits, '-._~:/@+,=' and %-escapes only".into());
    }
    Ok(())
}

/// As sha256sum(1) prints it.
pub fn check_sha256(text: &str) -> Check {
    if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err("a SHA-256 is 64 hexadecimal digits in lower case, as sha256sum prints it".into());
    }
    Ok(())
}

/// As ovs-vswitchd says it of itself; it also becomes part of the version of packages.
pub fn check_open_vswitch_version(text: &str) -> Check {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() > 32 || !text.split('.').all(number) || !(2..=4).contains(&text.split('.').count()) {
        return Err("a version of Open vSwitch is numbers with dots between them, such as 4.0.0".into());
    }
    Ok(())
}

/// What apt takes for a key that stands in its sources (sources.list(5), Signed-By). That it is a key, apt finds out.
pub fn check_signing_key(text: &str) -> Check {
    const FIRST: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
    const LAST: &str = "-----END PGP PUBLIC KEY BLOCK-----";
    if text.contains("PRIVATE KEY") {
        return Err("this is a private key: keep it to yourself, and give what `gpg --export --armor` prints".into());
    }
    let lines: Vec<&str> = text.trim_end_matches('\n').split('\n').collect();
    let body = |line: &&str| {
        line.len() <= 200
            && line.trim() == *line
            && line.bytes().all(|byte| (b' '..=b'~').contains(&byte))
            // Within a key neither its frame nor what deb822(5) reads as an empty line.
            && !line.starts_with("-----")
            && *line != "."
    };
    let framed = lines.len() > 3 && lines.first() == Some(&FIRST) && lines.last() == Some(&LAST);
    if text.len() > 16 * 1024 || !framed || !lines[1..lines.len() - 1].iter().all(body) {
        return Err(format!(
            "a signing key is what `gpg --export --armor` prints, from {FIRST} to {LAST}, at most 16 KiB; give it as a block after `|`"
        ));
    }
    Ok(())
}

/// A slug of Digital Ocean: a region, a size or an image.
pub fn check_slug(text: &str) -> Check {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '_');
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if text.is_empty() || text.len() > 128 || !text.starts_with(first) || !text.chars().all(legal) {
        return Err("a slug has lower case letters, digits, '-', '.' and '_', such as ams3, s-1vcpu-1gb or debian-13-x64".into());
    }
    Ok(())
}

/// As Digital Ocean's API has it for VPCs; a UUID is one of these too.
pub fn check_vpc(text: &str) -> Check {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if text.is_empty() || text.len() > 255 || !text.chars().all(legal) {
        return Err("a VPC is named by its UUID, or by its name of letters, digits, '-' and '.'".into());
    }
    Ok(())
}

/// As Digital Ocean's API has it for tags.
pub fn check_tag(text: &str) -> Check {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':');
    if text.is_empty() || text.len() > 255 || !text.chars().all(legal) {
        return Err("a tag has 1 to 255 letters, digits, '-', '_' and ':'".into());
    }
    Ok(())
}

/// The MD5 of a public key as ssh-keygen(1) prints it with `-E md5`, which is how Digital Ocean names keys.
pub fn check_fingerprint(text: &str) -> Check {
    let pair = |part: &str| part.len() == 2 && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.split(':').count() != 16 || !text.split(':').all(pair) {
        return Err(
            "a fingerprint is 16 pairs of hexadecimal digits with ':' between them, as `ssh-keygen -l -E md5` prints it after MD5:".into(),
        );
    }
    Ok(())
}
