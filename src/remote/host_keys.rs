//! cluster.known_hosts beside the lock: the key by which each droplet is known. The text is here, in both directions. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

const HEAD: &str = "\
# Keys that the droplets of the cluster.yaml beside this file have shown when meshimg reached them first. Put it under version control together
# with the lock: whoever reaches them from elsewhere knows them by it.
";

/// Keys of hosts, in lines of known_hosts (sshd(8)): address, kind, key, and as its comment the droplet that has it, `droplet-101`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptKeys {
    /// Sorted, without the head.
    lines: BTreeSet<String>,
}

impl KeptKeys {
    /// Reads a file; lines that somebody has added stay.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim);
        Self {
            lines: lines
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .map(str::to_owned)
                .collect(),
        }
    }

    /// Whether the key of that droplet is known, under that address.
    pub fn knows(&self, address: IpAddr, droplet: u64) -> bool {
        let end = format!(" {}", comment(droplet));
        self.of(address).any(|line| line.ends_with(&end))
    }

    /// Notes the keys of `learned`, a known_hosts that ssh has written for one droplet, in the place of others under its address: an address goes
    /// to another droplet when the one that had it is destroyed. `false` if there is none.
    pub fn keep(&mut self, address: IpAddr, droplet: u64, learned: &str) -> bool {
        let keys: Vec<String> = learned
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace().skip(1);
                Some(format!("{address} {} {} {}", words.next()?, words.next()?, comment(droplet)))
            })
            .collect();
        if keys.is_empty() {
            return false;
        }
        let old: Vec<String> = self.of(address).map(str::to_owned).collect();
        for line in old {
            self.lines.remove(&line);
        }
        self.lines.extend(keys);
        true
    }

    /// Forgets all droplets but `droplets`.
    pub fn retain(&mut self, droplets: &BTreeSet<u64>) {
        self.lines.retain(
            |line| match line.rsplit_once(' ').and_then(|(_, end)| end.strip_prefix("droplet-")) {
                Some(number) => number.parse().is_ok_and(|number| droplets.contains(&number)),
                None => true,
            },
        );
    }

    /// The content of the file.
    pub fn text(&self) -> String {
        self.lines.iter().fold(HEAD.to_owned(), |text, line| text + line + "\n")
    }

    fn of(&self, address: IpAddr) -> impl Iterator<Item = &str> {
        let begin = format!("{address} ");
        self.lines.iter().map(String::as_str).filter(move |line| line.starts_with(&begin))
    }
}

fn comment(droplet: u64) -> String {
    format!("droplet-{droplet}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEARNED: &str = "203.0.113.7 ssh-ed25519 AAAAfirst\n";

    fn address() -> IpAddr {
        "203.0.113.7".parse().unwrap()
    }

    #[test]
    fn a_key_is_that_of_one_droplet() {
        let mut keys = KeptKeys::default();
        assert!(keys.keep(address(), 101, LEARNED));
        assert_eq!(keys.text(), format!("{HEAD}203.0.113.7 ssh-ed25519 AAAAfirst droplet-101\n"));
        assert!(keys.knows(address(), 101));
        // Another droplet with this address, the same one with another, and one whose number ends alike.
        assert!(!keys.knows(address(), 102) && !keys.knows("203.0.113.70".parse().unwrap(), 101) && !keys.knows(address(), 1));
        assert_eq!(KeptKeys::parse(&keys.text()), keys);
    }

    #[test]
    fn an_address_that_another_droplet_has_now_is_known_by_its_key_alone() {
        let mut keys = KeptKeys::parse("203.0.113.7 ssh-rsa AAAAold droplet-101\n203.0.113.70 ssh-rsa AAAAother droplet-102\n");
        assert!(keys.keep(address(), 103, LEARNED));
        assert!(!keys.knows(address(), 101) && keys.knows(address(), 103) && !keys.text().contains("AAAAold"));
        assert!(keys.text().contains("AAAAother"));
        assert!(!keys.keep(address(), 104, "") && keys.knows(address(), 103), "nothing was learned");
    }

    #[test]
    fn droplets_that_are_gone_are_forgotten_and_lines_of_others_stay() {
        let mut keys = KeptKeys::parse("# mine\nbastion.example.net ssh-ed25519 AAAA\n203.0.113.7 ssh-rsa AAAA droplet-101\n");
        keys.retain(&[102].into());
        assert_eq!(keys.text(), format!("{HEAD}bastion.example.net ssh-ed25519 AAAA\n"));
    }
}
