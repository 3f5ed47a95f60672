use super::lab;
use crate::lab::pairs::{Pairs, Ways};

/// Two hosts on ports 0 and 1; port 2 is no host's.
fn ports(pairs: &Pairs) -> Result<Vec<(usize, usize)>, String> {
    pairs.ports(&lab("192.0.2.1", "192.0.2.2")).map_err(|error| error.to_string())
}

#[test]
fn a_selection_is_these_pairs() {
    for (pairs, expected) in [
        (Pairs::between("host2", "host1"), vec![(1, 0), (0, 1)]),
        (Pairs::one_way("host2", "host1"), vec![(1, 0)]),
        (Pairs::host("host2", Ways::Out), vec![(1, 0), (1, 2)]),
        (Pairs::host("host2", Ways::In), vec![(0, 1), (2, 1)]),
        (Pairs::host("host2", Ways::Both), vec![(1, 0), (0, 1), (1, 2), (2, 1)]),
        (Pairs::All, vec![(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]),
    ] {
        assert_eq!(ports(&pairs), Ok(expected), "{pairs:?}");
    }
}

#[test]
fn hosts_that_are_unknown_or_one_and_the_same_are_refused() {
    for pairs in [
        Pairs::between("host1", "host9"),
        Pairs::one_way("host9", "host1"),
        Pairs::host("host9", Ways::In),
    ] {
        assert_eq!(ports(&pairs), Err("the lab has no host 'host9'".to_owned()), "{pairs:?}");
    }
    for pairs in [Pairs::between("host1", "host1"), Pairs::one_way("host1", "host1")] {
        assert_eq!(
            ports(&pairs),
            Err("'host1' and 'host1' are one host; frames go between two".to_owned())
        );
    }
}
