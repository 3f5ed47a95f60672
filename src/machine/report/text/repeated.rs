//! A scenario that was caused several times, in one line.

use super::Paint;
use crate::machine::probe::State;
use crate::machine::report::{Report, Scenario};

/// Median and worst outage of every scenario that was repeated.
pub fn repeated(report: &Report, paint: Paint) -> String {
    let mut names: Vec<&str> = Vec::new();
    for scenario in &report.scenarios {
        if !names.contains(&scenario.name.as_str()) {
            names.push(&scenario.name);
        }
    }
    let lines: String = names.iter().filter_map(|name| line(report, name, paint)).collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("\n{}\n{lines}", paint.title("Repeated faults, outage between containers"))
}

fn line(report: &Report, name: &str, paint: Paint) -> Option<String> {
    let times: Vec<&Scenario> = report.scenarios.iter().filter(|scenario| scenario.name == name).collect();
    if times.len() < 2 {
        return None;
    }
    let reds = times.iter().filter(|scenario| scenario.red_count() > 0).count();
    let (state, word) = if reds == 0 { (State::Green, "green") } else { (State::Red, "RED") };
    let count = match reds {
        0 => format!("{} times", times.len()),
        reds => format!("{} times, {reds} red", times.len()),
    };
    let outages: Vec<_> = times.iter().filter_map(|scenario| scenario.outage.as_ref()).collect();
    let mut seconds: Vec<f64> = outages.iter().map(|outage| outage.outage_seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let figures = match (percentile_50(&seconds), seconds.last()) {
        (Some(median), Some(worst)) => {
            let open = outages.iter().any(|outage| outage.at_least.is_some());
            let bound = if open { "at least " } else { "" };
            let missing = match times.len() - seconds.len() {
                0 => String::new(),
                missing => format!(", {missing} not measured"),
            };
            format!("p50 {median:.2} s, worst {bound}{worst:.2} s{missing}")
        }
        _ => "not measured".to_owned(),
    };
    let word = paint.state(state, &format!("{word:<7}"));
    Some(format!("  {word}  {name:<14}  {count}: {figures}\n"))
}

/// The median of what is sorted: of an even number the greater of the two in the middle, as an outage that was seen.
fn percentile_50(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_outages_are_at_most_the_median() {
        assert_eq!(percentile_50(&[]), None);
        assert_eq!(percentile_50(&[0.3]), Some(0.3));
        assert_eq!(percentile_50(&[0.3, 0.4]), Some(0.4));
        assert_eq!(percentile_50(&[0.1, 0.3, 9.0]), Some(0.3));
    }
}
