//! The known word that a mistyped one probably means.

/// Problems in one file after which no more words are suggested: nobody reads on, and comparing words takes time.
pub(crate) const SUGGESTED_MAX: usize = 100;

/// The word of `known` nearest to `word`, if it is near enough to be a slip: at most a third of its letters differ.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_ascii_lowercase().replace('_', "-");
    let slips = |candidate: &str| candidate.len().div_ceil(3);
    known
        // Each insertion is a slip; the bound also keeps a hostile word from costing time.
        .filter(|candidate| folded.len().abs_diff(candidate.len()) <= slips(candidate))
        .map(|candidate| (distance(&folded, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= slips(candidate))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        let known = ["address", "name", "first-address", "mtu"];
        let near = |word| nearest(word, known.into_iter());
        assert_eq!(near("adress"), Some("address"));
        assert_eq!(near("nmae"), Some("name"));
        assert_eq!(near("first_address"), Some("first-address"));
        assert_eq!(near("Name"), Some("name"));
        assert_eq!(near("colour"), None);
        assert_eq!(near(&"a".repeat(100)), None);
    }
}
