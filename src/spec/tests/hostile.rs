//! No bytes make the parser panic, hang or eat memory; and what it says of them can always be shown.

use std::time::Duration;

use proptest::prelude::*;

use super::accepted::{EVERYTHING, THREE_HOSTS};
use crate::plan::address::cut;
use crate::spec::{Diagnostic, Severity, Spec, load, render, to_json};

/// For the worst files, by an unoptimised build; an unbounded parser takes minutes, or never ends.
const DEADLINE: Duration = Duration::from_secs(20);

/// Loads and renders `bytes` within the deadline.
fn codes(what: &str, bytes: &[u8]) -> Vec<&'static str> {
    let start = processor_time();
    let problems = look_at(bytes);
    let elapsed = processor_time() - start;
    assert!(elapsed < DEADLINE, "{what} took {elapsed:?}");
    let mut codes: Vec<_> = problems.iter().map(|problem| problem.code.as_str()).collect();
    codes.dedup();
    codes
}

fn look_at(bytes: &[u8]) -> Vec<Diagnostic> {
    let result = load(bytes);
    if let Ok((spec, _)) = &result {
        promises(spec);
    }
    let is_refused = result.is_err();
    let problems = result.map_or_else(|problems| problems, |(_, warnings)| warnings);
    assert_eq!(is_refused, problems.iter().any(|problem| problem.severity == Severity::Error));
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    for problem in problems.iter().take(100) {
        // A form feed or NEL counts as no line for some and as one for others, so the bound is not exact.
        assert!(problem.line >= 1 && problem.line <= lines.max(1) + 1 + bytes.len(), "{problem:?}");
    }
    let rendered = render("cluster.yaml", bytes, &problems, true);
    assert!(rendered.len() < 200_000, "{} bytes", rendered.len());
    to_json("cluster.yaml", &problems);
    problems
}

/// What the planner relies on: the subnet can be cut, no two hosts share an address or a slice, and no address is in a slice.
fn promises(spec: &Spec) {
    let count = u32::try_from(spec.hosts.len()).expect("few hosts");
    let cut = cut(spec.subnet, spec.capacity, count, spec.first_address).expect("the spec was validated");
    let numbered = || spec.hosts.iter().zip(1..);
    let addresses: Vec<_> = numbered()
        .map(|(host, n)| host.container_address.or(cut.address(n)).expect("an address"))
        .collect();
    let slices: Vec<_> = numbered().map(|(host, n)| host.slice.or(cut.slice(n)).expect("a slice")).collect();
    for (index, slice) in slices.iter().enumerate().take(50) {
        assert!(spec.subnet.contains(slice) && *slice == slice.trunc());
        assert!(addresses.iter().all(|address| !slice.contains(address)));
        assert!(slices[..index].iter().all(|other| !other.contains(slice) && !slice.contains(other)));
        assert!(!addresses[..index].contains(&addresses[index]));
    }
    assert!(
        spec.hosts.len() >= 2
            && spec
                .hosts
                .iter()
                .all(|host| host.address.map(|address| address.is_ipv4()) == spec.hosts[0].address.map(|address| address.is_ipv4()))
    );
}

/// A thousand laughs: each anchor is ten of the one before.
fn bomb(list: bool) -> String {
    let mut text = String::from("a0: &a0 x\n");
    for level in 1..12 {
        let item = format!("*a{}", level - 1);
        let value = match list {
            true => format!("[{}]", vec![item; 10].join(", ")),
            false => format!("{{{}}}", (0..10).map(|n| format!("k{n}: {item}")).collect::<Vec<_>>().join(", ")),
        };
        text.push_str(&format!("a{level}: &a{level} {value}\n"));
    }
    text
}

/// Nanoseconds this thread has had a processor (`/proc/thread-self/schedstat`, Linux's Documentation/scheduler/sched-stats.rst): a
/// busy machine does not count.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux with CONFIG_SCHED_INFO");
    Duration::from_nanos(text.split(' ').next().and_then(|field| field.parse().ok()).expect("a number"))
}

#[test]
fn bombs_and_large_files_take_less_than_a_second() {
    let before = processor_time();
    for bytes in [
        bomb(true).into_bytes(),
        bomb(false).into_bytes(),
        "# padding\n".repeat(1024 * 1024).into_bytes(),
    ] {
        let start = processor_time();
        let problems = load(&bytes).expect_err("refused");
        render("cluster.yaml", &bytes, &problems, false);
        let elapsed = processor_time() - start;
        assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
    }
    assert!(processor_time() > before, "the clock stands still");
}

#[test]
fn files_made_to_harm() {
    let hosts = |count: usize, line: &dyn Fn(usize) -> String| {
        format!(
            "version: 1\nname: demo\nhosts:\n{}",
            (0..count).map(|n| format!("  - {}\n", line(n))).collect::<String>()
        )
    };
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("10 MB", "# padding\n".repeat(1024 * 1024).into(), &["file::too-large"]),
        ("10 MB of zeros", vec![0; 10_000_000], &["file::too-large"]),
        ("1 MiB of zeros", vec![0; 1024 * 1024], &["file::control-character"]),
        ("1 MiB of comments", "# padding\n".repeat(100_000).into(), &["file::empty"]),
        ("bomb of lists", bomb(true).into(), &["file::too-complex"]),
        ("bomb of maps", bomb(false).into(), &["file::too-complex"]),
        (
            "many aliases of one large anchor",
            format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(1000), "*a,".repeat(1000)).into(),
            &["file::too-complex"],
        ),
        ("recursion", "a: &a [*a]\n".into(), &["file::too-complex"]),
        ("1 MiB of brackets", "[".repeat(1024 * 1024).into(), &["file::too-complex"]),
        ("1 MiB of braces", "{".repeat(1024 * 1024).into(), &["file::too-complex"]),
        (
            "deep blocks",
            (0..1000).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>().into(),
            &["file::too-complex"],
        ),
        ("deep dashes", "- ".repeat(500_000).into(), &["file::too-complex"]),
        (
            "1 MiB of document markers",
            "---\n".repeat(260_000).into(),
            &["file::multiple-documents"],
        ),
        ("one long word", "x".repeat(1024 * 1024).into(), &["keys::wrong-type"]),
        (
            "one long quoted key",
            format!("\"{}\": 1\n", "x".repeat(900)).into(),
            &["keys::missing", "keys::unknown"],
        ),
        ("no UTF-8", vec![0xff; 1000], &["file::not-utf8"]),
        (
            "UTF-16",
            THREE_HOSTS.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            &["file::control-character"],
        ),
        ("nothing", Vec::new(), &["file::empty"]),
        ("a byte order mark alone", "\u{feff}".into(), &["file::empty"]),
        ("null", "~".into(), &["file::empty"]),
        ("a scalar", "hello".into(), &["keys::wrong-type"]),
        ("a list", "- version: 1\n".into(), &["keys::wrong-type"]),
        (
            "tabs as indentation",
            "version: 1\nname: demo\nhosts:\n\t- {name: a, address: 192.0.2.1}\n".into(),
            &["file::syntax"],
        ),
        ("carriage return alone", THREE_HOSTS.replace('\n', "\r").into(), &[]),
        ("escape sequences", "version: \u{1b}[31m1\n".into(), &["file::control-character"]),
        ("an unknown alias", "version: *one\n".into(), &["file::syntax"]),
        (
            "a tag of another language",
            "version: !!python/object:os.system [reboot]\n".into(),
            &["keys::missing", "keys::wrong-type"],
        ),
        (
            "numbers of any size",
            format!("{THREE_HOSTS}containers: {{capacity: {}}}\n", "9".repeat(38)).into(),
            &["containers::capacity-too-big"],
        ),
        (
            "many hosts",
            hosts(447, &|n| format!("{{name: h{n}, address: 10.1.{}.{}}}", n / 250, n % 250 + 1)).into(),
            &["hosts::large-domain"],
        ),
        (
            "one host too many",
            (hosts(448, &|n| format!("{{name: h{n}, address: 10.1.{}.{}}}", n / 250, n % 250 + 1)) + "mesh: {topology: full}\n").into(),
            &["hosts::too-many"],
        ),
        (
            "far too many hosts",
            hosts(15_000, &|n| format!("{{name: h{n}, address: 10.1.{}.{}}}", n / 250, n % 250 + 1)).into(),
            &["containers::more-hosts-than-slices"],
        ),
        (
            "unknown keys",
            (0..45_000).map(|n| format!("addres{n}: 1\n")).collect::<String>().into(),
            &["keys::missing", "keys::unknown"],
        ),
        (
            "unknown options",
            format!(
                "{THREE_HOSTS}docker:\n  daemon:\n{}",
                (0..45_000).map(|n| format!("    log-{n}: 1\n")).collect::<String>()
            )
            .into(),
            &["docker::unknown-option", "keys::too-long"],
        ),
        (
            "much for each of many hosts",
            (hosts(440, &|n| format!("{{name: h{n}, address: 10.1.{}.{}}}", n / 250, n % 250 + 1))
                + &format!("packages: [{}]\n", (0..50_000).map(|n| format!("p{n},")).collect::<String>()))
                .into(),
            &["keys::too-long"],
        ),
        (
            "nothing but mistakes",
            hosts(90_000, &|_| "1".to_owned()).into(),
            &["containers::more-hosts-than-slices", "keys::wrong-type"],
        ),
        (
            "too many values",
            hosts(250_000, &|_| "1".to_owned())[..1024 * 1024].into(),
            &["file::too-complex"],
        ),
    ];
    let mut failures = Vec::new();
    for (what, bytes, wanted) in cases {
        let mut found = codes(what, &bytes);
        let mut wanted = wanted.to_vec();
        found.sort_unstable();
        wanted.sort_unstable();
        if found != wanted {
            failures.push(format!("{what}: {found:?} where {wanted:?} was expected"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Strings that mean something to a shell, to YAML, to interfaces(5) or to systemd, in every place that takes text.
#[test]
fn metacharacters_are_refused_everywhere() {
    const NASTY: &[&str] = &[
        "a;b", "$(id)", "`id`", "a b", "a\nb", "a'b", "a\"b", "a\\b", "a|b", "a>b", "%i", "${x}", "{{ x }}", "a: b", "#x", "*x",
        "\u{2028}", "é",
    ];
    let places: &[(&str, &str)] = &[
        ("name: everything\n", "name: "),
        ("  - name: host1\n", "  - name: "),
        ("    address: 192.0.2.1\n", "    address: "),
        ("os: debian-12\n", "os: "),
        ("archive: https://archive.example/debian\n", "archive: https://archive.example/"),
        ("packages: [jq, htop]\n", "packages: "),
        ("  interface: eth1\n", "  interface: "),
        ("  gateway: 192.0.2.254\n", "  gateway: "),
        ("  management: eth2\n", "  management: "),
        ("  bridge: docker0\n", "  bridge: "),
        ("  subnet: 10.20.0.0/16\n", "  subnet: "),
        ("  first-address: 10.20.7.1\n", "  first-address: "),
        ("  bridge: br0\n", "  bridge: "),
        ("  tunnel: geneve\n", "  tunnel: "),
        ("  topology: hub\n", "  topology: "),
        ("  hubs: [host1, host2]\n", "  hubs: "),
        ("    site: north\n", "    site: "),
        ("  root: host1\n", "  root: "),
        ("  user: admin\n", "  user: "),
    ];
    for (line, key) in places {
        assert!(EVERYTHING.contains(line), "{line}");
        for nasty in NASTY {
            let prefix = if key.starts_with("archive") {
                "https://archive.example/"
            } else {
                ""
            };
            let key = key.trim_end_matches("https://archive.example/");
            let value = serde_json::Value::from(format!("{prefix}{nasty}")).to_string();
            let text = EVERYTHING.replacen(line, &format!("{key}{value}\n"), 1);
            assert!(load(text.as_bytes()).is_err(), "{key}{value} was accepted");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        look_at(&bytes);
    }

    #[test]
    fn any_text_of_yaml_signs(text in "[-a-c0-2:,\\[\\]{}&*!|>'\"%#@ \\n\\t\\r~?<é\u{85}\u{2028}]{0,200}") {
        look_at(text.as_bytes());
    }

    /// A valid file with a few bytes replaced, inserted or removed reaches far more of the rules.
    #[test]
    fn mutated_files(edits in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..3, any::<u8>()), 1..6)) {
        let mut bytes = EVERYTHING.as_bytes().to_vec();
        for (index, kind, byte) in edits {
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        look_at(&bytes);
    }

    /// Values of a valid file replaced by others that are valid somewhere else.
    #[test]
    fn exchanged_lines(edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>()), 1..8)) {
        let mut lines: Vec<String> = EVERYTHING.lines().map(str::to_owned).collect();
        for (from, to, whole) in edits {
            let (from, to) = (from.index(lines.len()), to.index(lines.len()));
            match (whole, lines[from].split_once(": "), lines[to].split_once(": ")) {
                (false, Some((_, value)), Some((key, _))) => lines[to] = format!("{key}: {value}"),
                _ => lines.swap(from, to),
            }
        }
        look_at(lines.join("\n").as_bytes());
    }

    #[test]
    fn any_numbers(mtu: i64, capacity: i64, prefix_length: i64, priority: i64, hello: i64, max_age: i64, forward_delay: i64, multiplier: i64, port: i64) {
        let text = format!(
            "version: 1\nname: demo\nhosts:\n  - {{name: a, address: 192.0.2.1, mesh: {{priority: {priority}}}}}\n  - {{name: b, address: 192.0.2.2}}\n\
             underlay: {{mtu: {mtu}, interface: eth1, prefix-length: {prefix_length}}}\ncontainers: {{capacity: {capacity}}}\n\
             mesh: {{timers: {{hello: {hello}, max-age: {max_age}, forward-delay: {forward_delay}}}, bfd: {{multiplier: {multiplier}}}}}\n\
             docker: {{api: {{unsafe-without-tls: {{port: {port}}}}}}}\n"
        );
        look_at(text.as_bytes());
    }

    /// Near the edges of one subnet, so that many of the files are valid.
    #[test]
    fn neighbouring_networks(length in 20_u8..=28, capacity in 3_u32..9, slice in 0_u32..0x1000, slice_length in 24_u8..=31, address in 0_u32..0x1000) {
        let ip = |bits: u32| std::net::Ipv4Addr::from(0x0a14_0000 | bits);
        let text = format!(
            "{THREE_HOSTS}containers: {{subnet: {}/{length}, capacity: {capacity}}}\n",
            ip(0),
        );
        let slice = slice & (u32::MAX << (32 - slice_length));
        let own = format!("192.0.2.2, containers: {{slice: {}/{slice_length}, address: {}}}}}", ip(slice), ip(address));
        look_at(text.replace("192.0.2.2}", &own).as_bytes());
    }

    #[test]
    fn any_networks(subnet: u32, length in 0_u8..=33, first: u32, slice: u32, slice_length in 0_u8..=33, address: u32, host: u32) {
        let ip = |bits: u32| std::net::Ipv4Addr::from(bits);
        let text = format!(
            "version: 1\nname: demo\nhosts:\n  - {{name: a, address: {}, containers: {{slice: {}/{slice_length}, address: {}}}}}\n  - {{name: b, address: 192.0.2.2}}\n\
             containers: {{subnet: {}/{length}, first-address: {}}}\n",
            ip(host), ip(slice), ip(address), ip(subnet), ip(first)
        );
        look_at(text.as_bytes());
    }
}
