//! What every page must have, whatever is in the report.

use std::collections::BTreeSet;

use meshimg::machine::report::{Report, Topology};
use scraper::{ElementRef, Html, Selector};

use crate::sample;

fn all<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn texts(page: &Html, selector: &str) -> Vec<String> {
    all(page, selector).into_iter().map(text).collect()
}

fn pages() -> Vec<(&'static str, Html)> {
    let empty = Report::new("empty".parse().unwrap(), "nothing", []);
    let mut rootless = sample::green();
    rootless.topology = Some(Topology::default());
    [
        ("green", sample::green()),
        ("red", sample::red()),
        ("small", sample::small()),
        ("many", sample::before(30)),
        ("too many to draw", sample::before(41)),
        ("one host", sample::before(1)),
        ("no root", rootless),
        ("empty", empty),
    ]
    .map(|(name, report)| (name, Html::parse_document(&report.html())))
    .into()
}

#[test]
fn it_is_html_without_mistakes_and_every_reference_leads_somewhere() {
    for (name, page) in pages() {
        assert!(page.errors.is_empty(), "{name}: {:?}", page.errors);
        let ids: Vec<&str> = all(&page, "[id]").iter().filter_map(|element| element.attr("id")).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: an id is there twice");
        let links = all(&page, "a[href]")
            .into_iter()
            .filter_map(|link| link.attr("href")?.strip_prefix('#'));
        let labels = all(&page, "[aria-labelledby], [aria-describedby]").into_iter().flat_map(|element| {
            [element.attr("aria-labelledby"), element.attr("aria-describedby")]
                .into_iter()
                .flatten()
        });
        let mut checked = 0;
        for id in links.chain(labels.flat_map(str::split_whitespace)) {
            assert!(unique.contains(id), "{name}: #{id} is not there");
            checked += 1;
        }
        assert!(checked >= 2, "{name}");
    }
}

#[test]
fn it_has_landmarks_a_language_and_headings_in_order() {
    for (name, page) in pages() {
        assert_eq!(all(&page, "html[lang=en]").len(), 1, "{name}");
        for landmark in ["header", "main", "footer", "h1", "a.skip[href='#main']"] {
            assert_eq!(all(&page, landmark).len(), 1, "{name}: {landmark}");
        }
        let levels: Vec<u8> = all(&page, "h1, h2, h3, h4, h5, h6")
            .iter()
            .map(|heading| heading.value().name().as_bytes()[1] - b'0')
            .collect();
        assert_eq!(levels[0], 1, "{name}");
        for pair in levels.windows(2) {
            assert!(pair[1] <= pair[0] + 1, "{name}: a heading {} after {}", pair[1], pair[0]);
        }
    }
}

#[test]
fn tables_have_captions_and_headers_with_scope() {
    for (name, page) in pages() {
        let tables = all(&page, "table");
        for table in &tables {
            let select = |selector: &str| table.select(&Selector::parse(selector).unwrap()).count();
            assert_eq!(select("caption"), 1, "{name}");
            assert_eq!(select("th:not([scope])"), 0, "{name}");
            assert!(select("thead th[scope=col]") >= 2, "{name}");
            assert_eq!(select("tbody tr"), select("tbody th[scope=row]"), "{name}");
        }
        // What scrolls by itself is reached by the keyboard, and has a name of its own.
        let scrolls = all(&page, ".scroll");
        assert!(scrolls.len() >= tables.len(), "{name}");
        let mut names = BTreeSet::new();
        for scroll in scrolls {
            assert_eq!(
                (scroll.attr("tabindex"), scroll.attr("role")),
                (Some("0"), Some("region")),
                "{name}"
            );
            let label = scroll.attr("aria-label").unwrap_or_default();
            assert!(!label.is_empty() && names.insert(label), "{name}: label {label:?}");
        }
    }
}

#[test]
fn drawings_have_a_name_and_a_description_or_are_hidden() {
    for (name, page) in pages() {
        for svg in all(&page, "svg") {
            let child = |selector: &str| svg.select(&Selector::parse(selector).unwrap()).next().map(text).unwrap_or_default();
            if svg.attr("role") == Some("img") {
                assert!(!child("title").is_empty() && !child("desc").is_empty(), "{name}");
            } else {
                assert_eq!(svg.attr("aria-hidden"), Some("true"), "{name}");
            }
        }
    }
}

#[test]
fn it_needs_nothing_from_anywhere() {
    for (name, page) in pages() {
        assert!(
            all(&page, "script, iframe, object, embed, link[rel=stylesheet], form, base").is_empty(),
            "{name}"
        );
        for (attribute, start) in [("href", ["#", "data:"]), ("src", ["data:", "data:"])] {
            for element in all(&page, &format!("[{attribute}]")) {
                let value = element.attr(attribute).unwrap();
                assert!(start.iter().any(|start| value.starts_with(start)), "{name}: {attribute}={value}");
            }
        }
        let policy = all(&page, "meta[http-equiv=Content-Security-Policy]")[0].attr("content").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'unsafe-inline'; img-src data:"),
            "{policy}"
        );
        let style = texts(&page, "style").concat();
        assert!(!style.contains("@import") && !style.contains("http"), "{name}");
    }
}

#[test]
fn a_green_report_says_so_first_and_has_everything() {
    let page = Html::parse_document(&sample::green().html());
    assert_eq!(texts(&page, "h2")[0], "✓All green");
    assert!(all(&page, ".places, .chip.red, .bad").is_empty());
    assert_eq!(
        texts(&page, "nav a"),
        ["Mesh", "Pings between containers", "Probes", "Faults", "Boot"]
    );
    assert_eq!(all(&page, ".topology .node").len(), 3);
    assert_eq!(texts(&page, ".topology .root text"), ["host1", "root"]);
    assert_eq!(all(&page, ".topology .link.forwarding").len(), 2);
    assert_eq!(texts(&page, ".topology .link-name"), ["gre3 blocked", "gre1", "gre2"]);
    let faults = texts(&page, "#faults > div.card tbody tr:first-child > *");
    assert_eq!(
        faults,
        ["host-down", "✓ green", "5", "0.34 s", "0.41 s", "1.00 s", "32 of 1000", "all green"]
    );
    assert_eq!(all(&page, ".timeline").len(), 7);
    let boot = texts(&page, "#boot > div.card tbody tr:first-child > *");
    assert_eq!(boot, ["host1", "88.1", "160.6", "152.7", "163.9"]);
    assert_eq!(all(&page, ".units tbody tr").len(), 30);
}

#[test]
fn a_red_report_leads_to_every_red_place() {
    let report = sample::red();
    let page = Html::parse_document(&report.html());
    assert_eq!(texts(&page, "h2")[0], format!("✕{} red", report.red_count()));
    let places = texts(&page, ".places li");
    assert_eq!(
        places,
        [
            "docker0: 1 red",
            "container-ping: 4 red",
            "link-flapping: the outage was 48.31 s, the limit is 1.00 s",
            "link-down, run 2: the outage was at least 8.00 s: there was no reply after it",
            "ovs-kill: host3 was not reached: Connection timed out",
        ]
    );
    let wrong = texts(&page, "#wrong-container-ping .finding");
    assert_eq!(wrong.len(), 1, "one finding for four pairs with the same words");
    assert!(wrong[0].starts_with("0 of 3 answeredhost1 to host2 "), "{wrong:?}");
    assert_eq!(wrong[0].matches("What to do").count(), 1);
    assert_eq!(texts(&page, "#pings td.bad").len(), 4);
    assert!(
        texts(&page, ".note")
            .iter()
            .any(|note| note.starts_with("By design: The two sides"))
    );
    assert_eq!(texts(&page, "#verdict code"), ["meshimg-failure-demo-1"]);
    assert_eq!(all(&page, ".topology .link.down").len(), 1);
}

#[test]
fn more_hosts_than_can_be_drawn_are_listed_and_it_says_so() {
    let drawn = Html::parse_document(&sample::before(40).html());
    assert_eq!(all(&drawn, ".topology .node").len(), 40);
    assert_eq!(all(&drawn, "#pings td").len(), 1600);
    let listed = Html::parse_document(&sample::before(41).html());
    assert!(all(&listed, ".topology").is_empty());
    assert_eq!(texts(&listed, ".note").len(), 2);
    assert_eq!(all(&listed, "#mesh tbody tr").len(), 820);
    assert_eq!(all(&listed, "#pings tbody tr").len(), 41);
}
