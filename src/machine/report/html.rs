//! The report as one page for a browser: complete without network and without scripts, for any width, theme, keyboard and screen reader.
//!
//! Every value goes through maud's escaping; nothing but our own style sheet is written as it is.

mod boot;
mod faults;
mod matrix;
mod mesh;
mod parts;
mod probes;
mod problems;
mod runs;
mod scale;
mod timeline;
mod verdict;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Report;
use parts::{Tone, plain};

/// The page fetches nothing, runs nothing and sends nothing, whatever is in it (CSP Level 3).
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

const STYLE: &str = concat!(
    include_str!("html/theme.css"),
    include_str!("html/page.css"),
    include_str!("html/drawings.css"),
    include_str!("html/media.css")
);

/// Up to so many hosts are drawn, and have a matrix with a cell for each pair; beyond, nobody could read them.
const DRAWN_HOSTS: usize = 40;

/// A part of the page; an empty one is left out, of the navigation too.
struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

/// The whole page.
pub fn page(report: &Report) -> String {
    let headline = verdict::headline(report);
    let sections: Vec<Section> = [
        ("wrong", "What is wrong", problems::body(report)),
        ("mesh", "Mesh", mesh::body(report)),
        ("pings", "Pings between containers", matrix::body(report)),
        ("probes", "Probes", probes::body(report)),
        ("faults", "Faults", faults::body(report)),
        ("boot", "Boot", boot::body(report)),
    ]
    .into_iter()
    .filter_map(|(id, title, body)| body.map(|body| Section { id, title, body }))
    .collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (headline.text) " - " (report.cluster.as_str()) " - meshimg report" }
                link rel="icon" href=(icon(headline.tone));
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the findings" }
                (parts::patterns())
                header {
                    p.brand { "meshimg report" }
                    h1 { (report.cluster.as_str()) }
                    p.machines { (parts::count(report.hosts.len(), "host")) " on " span.output { (plain(&report.machines)) } }
                }
                @if !sections.is_empty() {
                    nav aria-label="Sections" { ul {
                        @for section in &sections { li { a href={ "#" (section.id) } { (section.title) } } }
                    } }
                }
                main id="main" tabindex="-1" {
                    (verdict::section(report, &headline))
                    @for section in &sections {
                        section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                            h2 id={ (section.id) "-title" } { (section.title) }
                            (section.body)
                        }
                    }
                }
                footer {
                    p { "Made by meshimg from report version " (report.version) ". The same findings for programs: " code { "--format json" } "." }
                }
            }
        }
    }
    .into_string()
        + "\n"
}

/// The tab's icon says the verdict by colour and shape.
fn icon(tone: Tone) -> String {
    let (color, path) = match tone {
        Tone::Green => ("%230f7043", "M4 8.5l3 3 5-6.5"),
        _ => ("%23b3261e", "M5 5l6 6M11 5l-6 6"),
    };
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' \
         fill='{color}'/%3E%3Cpath d='{path}' fill='none' stroke='white' stroke-width='2'/%3E%3C/svg%3E"
    )
}
