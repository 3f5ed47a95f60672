//! What the browser shows.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Check;
use super::chromium::{Chromium, base64};
use super::sample;

const CONTRAST: &str = include_str!("contrast.js");
const FOCUSABLE: &str = include_str!("focusable.js");
const TAB: u32 = 9;
const ENTER: u32 = 13;

pub const ALL: [(&str, Check); 9] = [
    ("browser::verdict_is_seen_first", verdict_is_seen_first),
    ("browser::drawings_show_the_figures", drawings_show_the_figures),
    ("browser::text_has_contrast_in_both_themes", text_has_contrast_in_both_themes),
    ("browser::page_never_scrolls_sideways", page_never_scrolls_sideways),
    (
        "browser::keyboard_reaches_everything_in_order",
        keyboard_reaches_everything_in_order,
    ),
    ("browser::screen_reader_gets_names", screen_reader_gets_names),
    (
        "browser::nothing_is_fetched_and_nothing_complains",
        nothing_is_fetched_and_nothing_complains,
    ),
    ("browser::motion_only_where_it_is_wanted", motion_only_where_it_is_wanted),
    ("browser::paper_has_all_of_it", paper_has_all_of_it),
];

/// Pages by name.
fn pages() -> [(&'static str, String); 4] {
    [
        ("green", sample::green().html()),
        ("red", sample::red().html()),
        ("thirty", sample::before(30).html()),
        ("small", sample::small().html()),
    ]
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn verdict_is_seen_first(browser: &mut Chromium) -> Result<(), String> {
    for (page, width) in [(sample::green(), 1280), (sample::green(), 360), (sample::red(), 360)] {
        let words = if page.is_green() {
            "All green".to_owned()
        } else {
            format!("{} red", page.red_count())
        };
        browser.show(&page.html(), width, "light")?;
        let seen = browser.evaluate(
            "(() => { const box = document.querySelector('h2').getBoundingClientRect(); \
             return [document.querySelector('h2').innerText, box.top >= 0 && box.bottom < innerHeight, document.title] })()",
        )?;
        let text = seen[0].as_str().unwrap_or_default();
        let title = seen[2].as_str().unwrap_or_default();
        expect(text.contains(&words) && title.starts_with(&words) && seen[1] == true, || {
            format!("{words} at {width}: {seen}")
        })?;
    }
    Ok(())
}

fn drawings_show_the_figures(browser: &mut Chromium) -> Result<(), String> {
    browser.show(&sample::green().html(), 1280, "light")?;
    // The first outage: 10 s, the fault at 2.00 s, no reply from 2.03 to 2.42 s.
    let places = browser.evaluate(
        "(() => { const svg = document.querySelector('.timeline'), all = svg.querySelector('.answered').getBoundingClientRect(); \
         const place = (name) => { const box = svg.querySelector(name).getBoundingClientRect(); \
         return [(box.left - all.left) / all.width * 10, box.width / all.width * 10] }; \
         return [place('.fault')[0], ...place('.lost'), ...place('.limit'), all.width] })()",
    )?;
    let wanted = [2.0, 2.03, 0.39, 2.0, 1.0];
    for (index, wanted) in wanted.into_iter().enumerate() {
        let found = places[index].as_f64().unwrap_or(f64::NAN);
        expect((found - wanted).abs() < 0.05, || {
            format!("place {index}: {found} instead of {wanted}")
        })?;
    }
    let styles = browser.evaluate(
        "['forwarding', 'blocked'].map(name => getComputedStyle(document.querySelector('.topology .link.' + name)).strokeDasharray)",
    )?;
    expect(styles[0] == "none" && styles[1] != "none", || {
        format!("lines differ by colour alone: {styles}")
    })?;
    for count in [2, 3, 5, 8, 30, 40] {
        browser.show(&sample::before(count).html(), 1280, "light")?;
        let wrong = browser.evaluate(include_str!("drawing.js"))?;
        expect(wrong == json!([]), || format!("{count} hosts: {wrong}"))?;
    }
    Ok(())
}

fn text_has_contrast_in_both_themes(browser: &mut Chromium) -> Result<(), String> {
    let mut grounds = BTreeSet::new();
    for (name, page) in pages() {
        for theme in ["light", "dark"] {
            browser.show(&page, 1280, theme)?;
            grounds.insert(browser.evaluate("getComputedStyle(document.body).backgroundColor")?.to_string());
            let found = browser.evaluate(CONTRAST)?;
            expect(found["checked"].as_u64() > Some(40), || format!("{name}: {found}"))?;
            expect(found["low"] == json!([]), || format!("{name}, {theme}: {}", found["low"]))?;
            browser.picture(&format!("{name}-1280-{theme}"))?;
        }
    }
    expect(grounds.len() == 2, || format!("the themes look alike: {grounds:?}"))?;
    // The test of the test.
    browser.evaluate("document.querySelector('h1').style.color = 'color-mix(in srgb, var(--page) 70%, white)'")?;
    let found = browser.evaluate(CONTRAST)?;
    expect(found["low"].as_array().is_some_and(|low| low.len() == 1), || {
        format!("not seen: {found}")
    })
}

// A phone makes the window as wide as the page, so the window says nothing.
const WIDTH: &str = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)";

fn page_never_scrolls_sideways(browser: &mut Chromium) -> Result<(), String> {
    for (name, page) in pages() {
        for width in [320, 360, 768, 1280] {
            browser.show(&page, width, "light")?;
            let found = browser.evaluate(WIDTH)?;
            expect(found == width, || format!("{name} is {found} wide at {width}"))?;
            browser.picture(&format!("{name}-{width}-light"))?;
        }
    }
    browser.show(&pages()[0].1, 320, "light")?;
    browser.evaluate("document.querySelector('h1').style.width = '500px'")?;
    let found = browser.evaluate(WIDTH)?;
    expect(found.as_u64() > Some(500), || format!("a wide heading is not seen: {found}"))
}

fn keyboard_reaches_everything_in_order(browser: &mut Chromium) -> Result<(), String> {
    browser.show(&sample::red().html(), 1280, "light")?;
    // Else the page would still be on its way to each stop.
    browser.emulate("", "light", "reduce")?;
    let wanted = browser.evaluate(FOCUSABLE)?;
    let wanted = wanted.as_array().cloned().unwrap_or_default();
    expect(wanted.len() > 40 && wanted[0] == "Skip to the findings", || format!("{wanted:?}"))?;
    for (index, wanted) in wanted.iter().enumerate() {
        browser.press("Tab", TAB)?;
        let found = browser.evaluate(
            "(() => { const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect(); \
             return [at.getAttribute('aria-label') || at.innerText.trim(), style.outlineStyle != 'none' && parseFloat(style.outlineWidth) >= 2, \
             box.bottom > 0 && box.top < innerHeight] })()",
        )?;
        expect(found[0] == *wanted && found[1] == true && found[2] == true, || {
            format!("stop {index}: {found} instead of {wanted} (name, outline, in view)")
        })?;
    }
    browser.show(&sample::red().html(), 1280, "light")?;
    browser.press("Tab", TAB)?;
    browser.press("Enter", ENTER)?;
    let at = browser.evaluate("document.activeElement.id")?;
    expect(at == "main", || format!("the skip link leads to {at}"))
}

/// Roles and names as a screen reader gets them.
fn spoken(browser: &mut Chromium) -> Result<Vec<(String, String, String)>, String> {
    let tree = browser.call("Accessibility.getFullAXTree", json!({}))?;
    let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
    let nodes = tree["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|node| node["ignored"] != true);
    Ok(nodes
        .map(|node| (text(&node["role"]), text(&node["name"]), text(&node["description"])))
        .collect())
}

fn screen_reader_gets_names(browser: &mut Chromium) -> Result<(), String> {
    browser.show(&sample::red().html(), 1280, "light")?;
    let counts = browser
        .evaluate("['svg[role=img]', 'table'].map(name => [...document.querySelectorAll(name)].filter(e => e.checkVisibility()).length)")?;
    let nodes = spoken(browser)?;
    let of = |role: &str| nodes.iter().filter(|node| node.0.eq_ignore_ascii_case(role)).collect::<Vec<_>>();
    for (role, count) in [("image", &counts[0]), ("table", &counts[1])] {
        let found = of(role);
        expect(Some(found.len() as u64) == count.as_u64() && found.len() > 5, || {
            format!("{} of {count} {role}s are spoken: {found:?}", found.len())
        })?;
        expect(found.iter().all(|node| !node.1.is_empty()), || {
            format!("{role} without name: {found:?}")
        })?;
    }
    let drawing = of("image").into_iter().find(|node| node.1.contains("hosts and the links"));
    let words = drawing.map(|node| format!("{} {}", node.1, node.2)).unwrap_or_default();
    expect(words.contains("host1 is the root") && words.contains("1 down"), || {
        format!("the drawing says: {words}")
    })?;
    let outage = of("image")
        .into_iter()
        .any(|node| format!("{} {}", node.1, node.2).contains("No replies from 2.03 s"));
    expect(outage, || "no timeline says what was lost".to_owned())?;
    for role in ["banner", "navigation", "main", "contentinfo"] {
        expect(of(role).len() == 1, || format!("{} times {role}", of(role).len()))?;
    }
    expect(of("region").iter().all(|node| !node.1.is_empty()), || {
        "a region has no name".to_owned()
    })?;
    let headings: Vec<&str> = of("heading").into_iter().map(|node| node.1.as_str()).collect();
    expect(headings.contains(&"What is wrong") && headings.contains(&"9 red"), || {
        format!("{headings:?}")
    })?;
    let headers = of("columnheader").len() + of("rowheader").len();
    expect(headers > 60, || format!("only {headers} headers of tables"))
}

fn nothing_is_fetched_and_nothing_complains(browser: &mut Chromium) -> Result<(), String> {
    for (name, page) in pages() {
        browser.show(&page, 1280, "light")?;
        // By now it would have asked for its icon.
        browser.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 200)))")?;
        let requests = browser.events("Network.requestWillBeSent");
        let outside = requests
            .iter()
            .map(|event| event["params"]["request"]["url"].as_str().unwrap_or_default());
        let outside: Vec<&str> = outside
            .filter(|url| !url.starts_with("file://") && !url.starts_with("data:"))
            .collect();
        expect(!requests.is_empty() && outside.is_empty(), || format!("{name}: {outside:?}"))?;
        for kind in ["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"] {
            let events = browser.events(kind);
            expect(events.is_empty(), || format!("{name}: {events:?}"))?;
        }
        // The policy holds: a picture from elsewhere is refused, and that is seen here.
        let refused = browser.evaluate(
            "new Promise(done => { document.addEventListener('securitypolicyviolation', e => done(e.blockedURI)); \
             const img = document.createElement('img'); img.src = 'http://192.0.2.1/x.png'; document.body.append(img); setTimeout(() => done('nothing'), 5000) })",
        )?;
        expect(refused == "http://192.0.2.1/x.png", || format!("{name}: refused {refused}"))?;
    }
    Ok(())
}

fn motion_only_where_it_is_wanted(browser: &mut Chromium) -> Result<(), String> {
    browser.show(&pages()[0].1, 1280, "light")?;
    for (motion, wanted) in [("no-preference", "smooth"), ("reduce", "auto")] {
        browser.emulate("", "light", motion)?;
        let found = browser.evaluate("getComputedStyle(document.documentElement).scrollBehavior")?;
        expect(found == wanted, || format!("{motion}: {found}"))?;
    }
    Ok(())
}

fn paper_has_all_of_it(browser: &mut Chromium) -> Result<(), String> {
    // Whoever reads in the dark prints on white all the same.
    browser.show(&pages()[2].1, 794, "dark")?;
    browser.emulate("print", "dark", "no-preference")?;
    let found = browser.evaluate(
        "(() => { const style = (name, part) => getComputedStyle(document.querySelector(name), part); \
         return [style('nav').display, style('.scroll').overflowX, style('details:not([open])', '::details-content').contentVisibility, \
         style('body').backgroundColor, document.querySelectorAll('details:not([open])').length] })()",
    )?;
    let wanted = json!(["none", "visible", "visible", "rgb(255, 255, 255)"]);
    let same = (0..4).all(|index| found[index] == wanted[index]);
    expect(same && found[4].as_u64() > Some(0), || format!("{found} instead of {wanted}"))?;
    let pdf = browser.call("Page.printToPDF", json!({"preferCSSPageSize": true}))?;
    let pdf = base64(pdf["data"].as_str().unwrap_or_default());
    expect(pdf.starts_with(b"%PDF-") && pdf.len() > 20_000, || {
        format!("{} bytes are no page", pdf.len())
    })?;
    if let Some(folder) = std::env::var_os("MESHIMG_SCREENSHOTS") {
        std::fs::write(std::path::Path::new(&folder).join("thirty.pdf"), pdf).map_err(|error| error.to_string())?;
    }
    Ok(())
}
