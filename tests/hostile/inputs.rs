//! What the fuzzer does with bytes, and what `cargo test` does with those that the fuzzer found worth keeping.

pub mod any_cluster;
pub mod promises;

use any_cluster::{Choices, cluster_yaml};
use meshimg::spec::{Severity, load, render, to_json};

/// Bytes as a file: read, judged, and what is wrong with it printed; what is accepted goes all the way.
pub fn parse(bytes: &[u8]) {
    let result = load(bytes);
    let problems = match &result {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    assert_eq!(errors > 0, result.is_err());
    render("cluster.yaml", bytes, problems, true);
    to_json("cluster.yaml", problems);
    if let Ok((spec, _)) = &result {
        promises::judge(spec, false);
    }
}

/// The text of the cluster that `bytes` choose, which must be accepted.
pub fn chosen(bytes: &[u8], hosts_max: u32) -> String {
    cluster_yaml(&mut Choices::new(bytes), hosts_max)
}

/// A handful, so that a million inputs take an hour and not days.
const HOSTS_MAX: u32 = 8;

/// Bytes as choices: a valid cluster, checked, planned and rendered.
pub fn pipeline(bytes: &[u8]) {
    let text = chosen(bytes, HOSTS_MAX);
    let (spec, _) = load(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
    promises::judge(&spec, false);
}
