//! The topology: a drawing, and the same as a table.

mod layout;

use maud::{Markup, html};

use super::DRAWN_HOSTS;
use super::parts::{count, scrolling};
use crate::machine::report::{LinkState, Report, Topology, TopologyLink};
use crate::spec::HostName;
use layout::{Layout, Point};

/// Up to so many links have their names in the drawing.
const NAMED_LINKS: usize = 6;
/// Up to so many links the names say their state too; the lines always do.
const WORDED_LINKS: usize = 3;
/// From more links on those in reserve are hair lines, or they would hide the others.
const CROWDED_LINKS: usize = 60;
/// Up to so many links the table is open.
const OPEN_ROWS: usize = 12;

/// In the order of the legend.
const STATES: [LinkState; 4] = [LinkState::Forwarding, LinkState::Blocked, LinkState::Down, LinkState::Unknown];

pub fn body(report: &Report) -> Option<Markup> {
    let topology = report.topology.as_ref()?;
    let root = match &topology.root {
        _ if topology.direct => "The fabric is direct: it has no tree, no root, and no link in reserve.".to_owned(),
        Some(root) => format!("{root} is the root that all hosts agree on."),
        None => "There is no root that all hosts agree on.".to_owned(),
    };
    Some(html! {
        div.card {
            p { (root) " " (sentence(topology)) }
            @if report.hosts.len() > DRAWN_HOSTS {
                p.note { "Not drawn: with more than " (DRAWN_HOSTS) " hosts the lines would hide each other. The table has all links." }
            } @else if !report.hosts.is_empty() {
                figure.mesh {
                    (scrolling("Drawing of the mesh", &drawing(report, topology, &root)))
                    figcaption { (legend(topology)) }
                }
            }
            details open[topology.links.len() <= OPEN_ROWS] {
                summary { "All links as a table" }
                (scrolling("Table of the links", &table(topology)))
            }
        }
    })
}

fn of(topology: &Topology, state: LinkState) -> usize {
    topology.links.iter().filter(|link| link.state == state).count()
}

/// Class of the style sheet, word of the table, and what it means.
fn words(state: LinkState) -> (&'static str, &'static str, &'static str) {
    match state {
        LinkState::Forwarding => ("forwarding", "forwarding", "carries traffic"),
        LinkState::Blocked => ("blocked", "blocked", "kept in reserve"),
        LinkState::Down => ("down", "down", "an end sees it down"),
        LinkState::Unknown => ("unknown", "unknown", "nobody could be asked"),
    }
}

fn sentence(topology: &Topology) -> String {
    let parts: Vec<String> = STATES
        .into_iter()
        .filter(|state| of(topology, *state) > 0)
        .map(|state| format!("{} {}", of(topology, state), words(state).1))
        .collect();
    match parts.is_empty() {
        true => "There are no links.".to_owned(),
        false => format!("Of {}, {}.", count(topology.links.len(), "link"), parts.join(", ")),
    }
}

fn drawing(report: &Report, topology: &Topology, root: &str) -> Markup {
    let layout = Layout::of(report, topology);
    let named = topology.links.len() <= NAMED_LINKS;
    let place = |name: &HostName| report.hosts.iter().position(|host| host == name);
    let ends = |link: &TopologyLink| Some((place(&link.ends[0])?, place(&link.ends[1])?));
    // What matters most is drawn last, on top.
    let in_order = [LinkState::Unknown, LinkState::Blocked, LinkState::Forwarding, LinkState::Down]
        .into_iter()
        .flat_map(|state| topology.links.iter().filter(move |link| link.state == state));
    let (width, height) = (layout.width, layout.height);
    html! {
        svg.topology.crowded[topology.links.len() > CROWDED_LINKS] role="img" aria-labelledby="mesh-drawing" aria-describedby="mesh-drawing-about"
            viewBox={ "0 0 " (round(width)) " " (round(height)) }
            style={ "min-width:" (round(width.min(620.0) * 0.86)) "px;max-width:" (round(width * layout.zoom())) "px" } {
            title id="mesh-drawing" { "The hosts and the links between them" }
            desc id="mesh-drawing-about" { (root) " " (sentence(topology)) " The table below has every link." }
            @for (link, (one, other)) in in_order.filter_map(|link| Some((link, ends(link)?))) {
                (line(link, layout.points[one], layout.points[other], named.then(|| (layout.label_share(one, other), topology.links.len() <= WORDED_LINKS))))
            }
            @for (index, host) in report.hosts.iter().enumerate() {
                (layout.node(index, host.as_str(), topology.root.as_ref() == Some(host)))
            }
        }
    }
}

/// One decimal is a fraction of a pixel.
pub fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A link, with its name at a share of its length where it is to have one, and perhaps its state.
fn line(link: &TopologyLink, from: Point, to: Point, label: Option<(f64, bool)>) -> Markup {
    let (class, word, _) = words(link.state);
    let along = |share: f64| Point {
        x: round(from.x + (to.x - from.x) * share),
        y: round(from.y + (to.y - from.y) * share),
    };
    let at = along(label.map_or(0.5, |(share, _)| share));
    let text = match (link.state, label) {
        (LinkState::Blocked | LinkState::Down | LinkState::Unknown, Some((_, true))) => format!("{} {word}", link.name),
        _ => link.name.clone(),
    };
    html! {
        line class={ "link " (class) } x1=(round(from.x)) y1=(round(from.y)) x2=(round(to.x)) y2=(round(to.y)) {}
        @if label.is_some() {
            text.link-name x=(at.x) y=(at.y + 4.0) text-anchor="middle" { (super::plain(&text)) }
        } @else if link.state == LinkState::Down {
            path.cross d={ "M" (at.x - 4.0) " " (at.y - 4.0) "l8 8m0 -8l-8 8" } {}
        }
    }
}

fn legend(topology: &Topology) -> Markup {
    html! {
        ul.legend.crowded[topology.links.len() > CROWDED_LINKS] {
            @for state in STATES {
                @let (class, word, meaning) = words(state);
                @if of(topology, state) > 0 {
                    li {
                        svg width="44" height="12" aria-hidden="true" focusable="false" { line class={ "link " (class) } x1="1" y1="6" x2="43" y2="6" {} }
                        " " (word) " (" (meaning) "): " (of(topology, state))
                    }
                }
            }
        }
    }
}

fn table(topology: &Topology) -> Markup {
    html! {
        table {
            caption { "Links, " (match &topology.root { Some(root) => format!("root {root}"), None => "no root".to_owned() }) }
            thead { tr { th scope="col" { "link" } th scope="col" { "one end" } th scope="col" { "other end" } th scope="col" { "state" } } }
            tbody {
                @for link in &topology.links {
                    @let (class, word, meaning) = words(link.state);
                    tr {
                        th scope="row" { (super::plain(&link.name)) }
                        td { (link.ends[0]) } td { (link.ends[1]) }
                        td { span class={ "state " (class) } { (word) } span.muted { ", " (meaning) } }
                    }
                }
            }
        }
    }
}
