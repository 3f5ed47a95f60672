//! ping(8) of iputils: command lines, and what it prints.

use super::probe::container::ProbeContainer;
use crate::spec::HostName;

/// What one ping came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pings {
    /// Echo requests sent; 0 when ping did not get so far.
    pub sent: u32,
    /// Replies, duplicates not counted.
    pub received: u32,
    pub duplicates: u32,
    /// Mean time until the reply, milliseconds.
    pub mean_ms: Option<f64>,
    /// The packet did not fit the sender's own interface (EMSGSIZE).
    pub too_long: bool,
    /// How often it was tried before this: what was lost then is not counted here.
    pub tries_before: u32,
    /// The first line that says what is wrong.
    pub error: Option<String>,
}

impl Pings {
    /// Every request was answered, and there was one.
    pub fn all_answered(&self) -> bool {
        self.sent > 0 && self.received == self.sent
    }

    /// `2 of 3 answered`, with the tries that it took, and what ping said against it.
    pub fn summary(&self) -> String {
        let counts = match self.sent {
            0 => "nothing was sent".to_owned(),
            sent => format!("{} of {sent} answered", self.received),
        };
        let counts = match self.tries_before {
            0 => counts,
            before => format!("{counts} at try {}", before + 1),
        };
        match &self.error {
            Some(error) => format!("{counts}: {error}"),
            None => counts,
        }
    }
}

/// Reads the output of ping, with or without `-D`. Never fails: text that is no output of ping gives zero sent.
pub fn parse(output: &str) -> Pings {
    let mut pings = Pings::default();
    for line in output.lines() {
        if line.contains(" packets transmitted") {
            statistics(&mut pings, line);
        } else if let Some(before) = line.strip_prefix(TRIES_BEFORE) {
            pings.tries_before = before.trim().parse().unwrap_or(0);
        } else if let Some(times) = line.strip_prefix("rtt min/avg/max/mdev = ") {
            pings.mean_ms = times.split('/').nth(1).and_then(|mean| mean.parse().ok());
        } else if is_error(line) {
            pings.too_long |= line.to_ascii_lowercase().contains("message too long");
            pings.error.get_or_insert_with(|| line.trim().to_owned());
        }
    }
    pings
}

fn is_error(line: &str) -> bool {
    // "ping: connect: Network is unreachable", "From 192.0.2.1 icmp_seq=1 Destination Host Unreachable", and of other programs that were
    // to start ping: "nsenter: ...", "sh: ...".
    let words = ["From ", "nsenter: ", "sh: ", "timeout: "];
    words.iter().any(|start| line.starts_with(start)) || line.contains("ping: ") || line.contains("] From ")
}

/// `3 packets transmitted, 2 received, +1 duplicates, +1 errors, 33% packet loss, time 407ms`
fn statistics(pings: &mut Pings, line: &str) {
    for part in line.split(", ") {
        let number = |end: &str| {
            part.strip_suffix(end)
                .and_then(|number| number.trim_start_matches('+').parse().ok())
        };
        if let Some(sent) = number(" packets transmitted") {
            pings.sent = sent;
        } else if let Some(received) = number(" received") {
            pings.received = received;
        } else if let Some(duplicates) = number(" duplicates") {
            pings.duplicates = duplicates;
        }
    }
}

/// How often a host pings before it says that something does not answer: a tree that finds another way needs a second or two, and so does
/// a neighbour whose address nobody has asked for yet. What is really cut off does not answer the third time either, 2 s later each.
const TRIES: u32 = 3;

/// Before the number of tries, on a line of its own that is not ping's.
const TRIES_BEFORE: &str = "tries before: ";

/// A ping to be run on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Name of its output: letters, digits, `-` and `.` only.
    pub name: String,
    /// Command line of words that need no quoting.
    pub command: String,
}

/// Three packets to `address`, from the host, or from inside `container`'s network namespace.
pub fn reach(peer: &HostName, address: std::net::IpAddr, container: Option<&ProbeContainer>) -> Order {
    Order {
        name: peer.to_string(),
        command: format!("{}ping -n -c 3 -i 0.2 -W 2 {address}", inside(container)),
    }
}

/// Two IPv4 packets of `bytes` that may not be fragmented, from inside `container`. busybox's ping could not do that, the host's can.
pub fn exact_size(name: String, address: std::net::Ipv4Addr, bytes: u16, container: &ProbeContainer) -> Order {
    /// IPv4 header (RFC 791 3.1) and ICMP echo header (RFC 792), bytes.
    const HEADERS: u16 = 20 + 8;
    let payload = bytes.saturating_sub(HEADERS);
    Order {
        name,
        command: format!("{}ping -n -c 2 -i 0.2 -W 2 -M do -s {payload} {address}", inside(Some(container))),
    }
}

pub(super) fn inside(container: Option<&ProbeContainer>) -> String {
    container
        .map(|container| format!("nsenter -t {} -n ", container.pid))
        .unwrap_or_default()
}

/// A script that runs all `orders` at the same time, each again while packets of it are lost ([`TRIES`] times at most), and prints the
/// last output of each in sections (see `facts/sections.rs`).
pub fn script(orders: &[Order]) -> String {
    let starts: String = orders
        .iter()
        .map(|order| format!("start {} {}\n", order.name, order.command))
        .collect();
    let shows: String = orders.iter().map(|order| format!("show {}\n", order.name)).collect();
    format!("most={TRIES}\n{HEAD}{starts}wait\n{shows}")
}

/// What does not fit the sender's own interface never will, and is not tried again.
const HEAD: &str = r#"PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
start() {
  name=$1
  shift
  (
    tries=0
    until [ "$tries" -eq "$most" ] || grep -qs -e ' 0% packet loss' -e 'essage too long' "$work/$name"; do
      tries=$((tries + 1))
      status=0
      timeout 20 "$@" >"$work/$name" 2>&1 || status=$?
    done
    echo "tries before: $((tries - 1))" >>"$work/$name"
    echo "$status" >"$work/$name.status"
  ) &
}
show() {
  printf '\n[%s %s]\n' "$1" "$(cat "$work/$1.status")"
  sed 's/^/ /' "$work/$1"
}
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Real output of iputils 20240905, one ping after the other.
    fn real(start: &str) -> Pings {
        let text = include_str!("fixtures/pings.txt");
        let begin = text.find(start).unwrap();
        let rest = &text[begin..];
        parse(&rest[..rest.find("[status").unwrap()])
    }

    #[test]
    fn replies_over_ipv4_and_ipv6() {
        let ipv4 = real("$ ping -n -c 3 -i 0.2 -W 2 192.0.2.2");
        assert_eq!((ipv4.sent, ipv4.received, ipv4.mean_ms), (3, 3, Some(0.221)));
        assert!(ipv4.all_answered());
        assert_eq!(ipv4.summary(), "3 of 3 answered");
        let ipv6 = real("$ ping -n -c 3 -i 0.2 -W 2 2001:db8::2");
        assert_eq!((ipv6.sent, ipv6.received, ipv6.mean_ms), (3, 3, Some(0.061)));
    }

    #[test]
    fn no_replies() {
        for start in ["$ ping -n -c 2 -i 0.2 -W 1 192.0.2.77", "$ ping -n -c 2 -i 0.2 -W 1 2001:db8::77"] {
            let silent = real(start);
            assert_eq!((silent.sent, silent.received), (2, 0));
            assert!(!silent.all_answered());
            assert_eq!(silent.summary(), "0 of 2 answered");
        }
        let no_route = real("$ ping -n -c 2 -i 0.2 -W 1 198.51.100.9");
        assert_eq!(no_route.summary(), "nothing was sent: ping: connect: Network is unreachable");
        assert!(!no_route.all_answered());
    }

    #[test]
    fn packets_that_fit_and_that_do_not() {
        assert!(real("$ ping -n -c 1 -W 2 -M do -s 1434").all_answered());
        let over = real("$ ping -n -c 1 -W 2 -M do -s 1435");
        assert!(over.too_long && !over.all_answered());
        // What iputils prints when the kernel reports by the error queue.
        assert!(parse("ping: local error: message too long, mtu=1462\n").too_long);
    }

    #[test]
    fn duplicates_and_unreachable_hosts() {
        let text = "From 192.0.2.1 icmp_seq=1 Destination Host Unreachable\n\n3 packets transmitted, 2 received, +1 duplicates, +1 errors, 33% packet loss, time 2ms\n";
        let pings = parse(text);
        assert_eq!((pings.sent, pings.received, pings.duplicates), (3, 2, 1));
        assert_eq!(
            pings.summary(),
            "2 of 3 answered: From 192.0.2.1 icmp_seq=1 Destination Host Unreachable"
        );
    }

    #[test]
    fn the_script_runs_everything_and_keeps_outputs_apart() {
        let order = |name: &str, command: &str| Order {
            name: name.to_owned(),
            command: command.to_owned(),
        };
        let sections = run(&[
            order("host2", "echo one"),
            order("host3.over", "sh -c exit\\ 3"),
            order("host4", "no-such-program"),
        ]);
        assert_eq!(sections.get("host2").unwrap().output, "one\ntries before: 2\n");
        assert_eq!(sections.get("host3.over").unwrap().status, 3);
        assert_eq!(sections.get("host4").unwrap().status, 127);
        assert!(parse(&sections.get("host4").unwrap().output).error.is_some());
    }

    /// A mesh that is finding another way answers a moment later; one that is cut does not.
    #[test]
    fn what_loses_packets_is_tried_again_and_what_does_not_is_not() {
        let folder = tempfile::tempdir().unwrap();
        // Stands for ping: writes down that it was called, and answers from the call on whose number is given.
        let program = folder.path().join("answers");
        let text = "#!/bin/sh\necho >>\"$0.$1\"\ntest $(wc -l <\"$0.$1\") -ge $2 && lost=0 || lost=100\n\
                    echo \"3 packets transmitted, $((3 - lost * 3 / 100)) received, $lost% packet loss, time 2ms\"\n";
        std::fs::write(&program, text).unwrap();
        let answering = |name: &str, from: u32| Order {
            name: name.to_owned(),
            command: format!("sh {} {name} {from}", program.display()),
        };
        let sections = run(&[answering("at-once", 1), answering("later", 3), answering("never", 99)]);
        let shown = |name: &str| parse(&sections.get(name).unwrap().output).summary();
        assert_eq!(shown("at-once"), "3 of 3 answered");
        assert_eq!(shown("later"), "3 of 3 answered at try 3");
        assert_eq!(shown("never"), "0 of 3 answered at try 3");
        let calls = |name: &str| {
            std::fs::read_to_string(folder.path().join(format!("answers.{name}")))
                .unwrap()
                .lines()
                .count()
        };
        assert_eq!((calls("at-once"), calls("later"), calls("never")), (1, 3, 3));
    }

    fn run(orders: &[Order]) -> crate::machine::facts::Sections {
        let finished = crate::exec::Tool::new("sh", std::time::Duration::from_secs(20))
            .arguments(["-eu", "-s"])
            .stdin(script(orders))
            .run()
            .unwrap();
        crate::machine::facts::sections_of(&finished.stdout_text())
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in ".{0,200}", number in "[0-9]{0,30}") {
            parse(&text);
            parse(&format!("{number} packets transmitted, {number} received, time\nrtt min/avg/max/mdev = {number}/{text}"));
        }
    }
}
