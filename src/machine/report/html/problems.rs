//! Every red verdict before the faults, with what to do about it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::parts::{Tone, count, plain, subject};
use crate::machine::probe::{Probe, Verdict};
use crate::machine::report::Report;

/// So many subjects are shown at once; the rest is one key press away.
const SHOWN: usize = 12;

pub fn body(report: &Report) -> Option<Markup> {
    let reds: Vec<&Verdict> = report.verdicts.iter().filter(|verdict| verdict.is_red()).collect();
    if reds.is_empty() {
        return None;
    }
    Some(html! {
        @for probe in Probe::ALL {
            @let of_probe: Vec<&Verdict> = reds.iter().copied().filter(|verdict| verdict.probe == probe).collect();
            @if !of_probe.is_empty() {
                article.card.red id={ "wrong-" (probe.name()) } aria-labelledby={ "wrong-" (probe.name()) "-title" } {
                    h3 id={ "wrong-" (probe.name()) "-title" } { (probe.name()) " " (Tone::Red.chip()) }
                    p.muted { "Expected: " (probe.what()) ". Not so in " (count(of_probe.len(), "case")) "." }
                    (findings(&of_probe))
                }
            }
        }
    })
}

/// Verdicts with the same words together; each help once, after the last finding that has it.
pub fn findings(reds: &[&Verdict]) -> Markup {
    let mut groups: Vec<(&Verdict, Vec<String>)> = Vec::new();
    let mut places: BTreeMap<(Probe, &str, Option<&str>), usize> = BTreeMap::new();
    for red in reds {
        let key = (red.probe, red.summary.as_str(), red.help.as_deref());
        let place = *places.entry(key).or_insert_with(|| {
            groups.push((red, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(subject(&red.subject));
    }
    let last = |index: usize, help: &str| !groups[index + 1..].iter().any(|(red, _)| red.help.as_deref() == Some(help));
    html! {
        @for (index, (red, subjects)) in groups.iter().enumerate() {
            div.finding {
                p.output { (plain(&red.summary)) }
                p.subjects {
                    @for name in subjects.iter().take(SHOWN) { span.subject { (name) } " " }
                }
                @if subjects.len() > SHOWN {
                    details {
                        summary { (subjects.len() - SHOWN) " more" }
                        p.subjects { @for name in subjects.iter().skip(SHOWN) { span.subject { (name) } " " } }
                    }
                }
                @if let Some(help) = red.help.as_deref().filter(|help| last(index, help)) {
                    p.help { strong { "What to do: " } span.output { (plain(help)) } }
                }
            }
        }
    }
}
