//! Whatever machines print, the page has the elements that we put there and no others.

use meshimg::machine::facts::{Boot, FailedUnit, Found, SlowUnit};
use meshimg::machine::report::Report;
use proptest::prelude::*;
use scraper::{ElementRef, Html, Node};

use crate::sample;

/// Every free text of a report is `text`.
fn report(text: &str) -> Report {
    let mut report = sample::red();
    report.machines = text.to_owned();
    report.bundle = Some(text.into());
    for verdict in report
        .verdicts
        .iter_mut()
        .chain(report.scenarios.iter_mut().flat_map(|scenario| &mut scenario.verdicts))
    {
        if verdict.is_red() {
            (verdict.summary, verdict.help) = (text.to_owned(), Some(text.to_owned()));
        }
    }
    for scenario in &mut report.scenarios {
        scenario.what = text.to_owned();
        scenario.by_design = Some(text.to_owned());
        if let Some(outage) = &mut scenario.outage {
            outage.at_least = Some(text.to_owned());
        }
    }
    report.scenarios[0].name = text.to_owned();
    report.scenarios[1].error = Some(text.to_owned());
    if let Some(topology) = &mut report.topology {
        topology.links[0].name = text.to_owned();
    }
    let boot = Boot {
        state: text.to_owned(),
        failed: vec![FailedUnit {
            name: text.to_owned(),
            log: text.to_owned(),
        }],
        slowest: vec![SlowUnit {
            name: text.to_owned(),
            milliseconds: 1,
        }],
        cloud_init: Found::Unknown(text.to_owned()),
        kernel: text.to_owned(),
        os: text.to_owned(),
        ..Boot::default()
    };
    report.boots.values_mut().for_each(|known| *known = boot.clone());
    report
}

/// Names of all elements with their attributes, and where they end; comments too.
fn skeleton(page: &Html) -> Vec<String> {
    let mut steps = Vec::new();
    walk(page.root_element(), &mut steps);
    steps
}

fn walk(element: ElementRef<'_>, steps: &mut Vec<String>) {
    let names: Vec<&str> = element.value().attrs().map(|(name, _)| name).collect();
    steps.push(format!("{} {}", element.value().name(), names.join(" ")));
    for child in element.children() {
        if matches!(child.value(), Node::Comment(_) | Node::ProcessingInstruction(_)) {
            steps.push("comment".to_owned());
        }
        if let Some(child) = ElementRef::wrap(child) {
            walk(child, steps);
        }
    }
    steps.push("/".to_owned());
}

/// The page's own text, with nothing of the style sheet.
fn says(page: &Html, text: &str) -> bool {
    page.root_element().text().any(|part| part.contains(text))
}

const NASTY: [&str; 14] = [
    "<script>alert(1)</script>",
    "</title></style></svg></desc><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "' style='position:fixed",
    "<!-- <![CDATA[ ]]> -->",
    "&lt;b&gt; &amp; &#60; &notit;",
    "\u{1b}[31mred\u{1b}[0m \0 \u{7f} \r\n \u{85}",
    "\u{202e}txt.exe\u{202c} \u{2066}x\u{2069} \u{200f} \u{feff}",
    "{{ 7 * 7 }} ${x} $(id) `id` %n %s",
    "</textarea></table></td></tr><plaintext>",
    "javascript:alert(1)",
    "\u{fffe}\u{ffff}\u{10ffff}\u{fdd0}",
    "a\tb\nc\n\n\nd",
    "<svg><style>@import url(//192.0.2.1/)</style></svg>",
];

#[test]
fn markup_in_texts_stays_text() {
    let plain = skeleton(&Html::parse_document(&report("x").html()));
    assert!(plain.len() > 1000);
    for text in NASTY {
        let page = Html::parse_document(&report(text).html());
        assert_eq!(skeleton(&page), plain, "{text:?}");
        let visible = !text.chars().any(char::is_control) && !text.contains('\u{202e}');
        assert!(!visible || says(&page, text), "{text:?} does not arrive");
    }
    // The test of the test: an element more is seen.
    let broken = report("<i>x</i>").html().replace("&lt;i&gt;", "<i>");
    assert_ne!(skeleton(&Html::parse_document(&broken)), plain);
}

#[test]
fn what_cannot_be_seen_is_named() {
    let page = Html::parse_document(&report("\u{1b}[31m\0 \u{202e}x").html());
    assert!(says(&page, r"\u{1b}[31m\u{0} \u{202e}x"));
}

#[test]
fn a_text_of_64_kib_arrives_whole() {
    let long = "0123456789abcde<".repeat(4096);
    assert!(says(&Html::parse_document(&report(&long).html()), &long));
}

#[test]
fn figures_that_are_none_do_no_harm() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, -0.0] {
        let mut report = sample::red();
        for verdict in &mut report.verdicts {
            if let Some(measured) = &mut verdict.measured {
                measured.value = value;
            }
        }
        for outage in report.scenarios.iter_mut().filter_map(|scenario| scenario.outage.as_mut()) {
            (outage.outage_seconds, outage.sent, outage.received) = (value, 0, u64::MAX);
            outage.timeline.length_seconds = value;
            outage.timeline.fault_at_seconds = Some(value);
            outage.timeline.lost = vec![[value, -value], [3.0, 1.0]];
        }
        report.timings.values_mut().for_each(|timings| timings.ssh_seconds = Some(value));
        let page = Html::parse_document(&report.html());
        assert!(page.errors.is_empty(), "{value}: {:?}", page.errors);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_text_stays_text(pieces in prop::collection::vec(prop_oneof![
        Just("<".to_owned()), Just(">".to_owned()), Just("\"".to_owned()), Just("'".to_owned()), Just("&".to_owned()),
        Just("</".to_owned()), Just("<!--".to_owned()), Just("script".to_owned()), Just("style".to_owned()), Just("svg".to_owned()),
        any::<char>().prop_map(String::from), "\\PC{0,5}",
    ], 1..12)) {
        // Nothing at all is left out, and so is another page.
        let text = format!("x{}", pieces.concat());
        let plain = skeleton(&Html::parse_document(&report("x").html()));
        let page = Html::parse_document(&report(&text).html());
        prop_assert_eq!(skeleton(&page), plain);
    }
}
