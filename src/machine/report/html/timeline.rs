//! An outage as it was seen by pings, on a line of time.

use maud::{Markup, html};

use super::parts::seconds;
use super::scale::Scale;
use crate::machine::outage::Outage;

/// Where the parts are, in pixels from above. From side to side all is in percent, so that text keeps its size at any width.
const FAULT_TEXT: u32 = 13;
const TRACK: u32 = 22;
const TRACK_HEIGHT: u32 = 20;
const LIMIT: u32 = 47;
const AXIS: u32 = 58;
const HEIGHT: u32 = 78;

/// The drawing, or nothing where no timeline was kept. `id` is unique on the page.
pub fn drawing(outage: &Outage, limit_seconds: Option<f64>, id: &str) -> Option<Markup> {
    let timeline = &outage.timeline;
    if timeline.length_seconds.is_nan() || timeline.length_seconds <= 0.0 {
        return None;
    }
    let scale = Scale::over([timeline.length_seconds]);
    let (title, about) = (format!("{id}-title"), format!("{id}-about"));
    Some(html! {
        svg.timeline role="img" aria-labelledby=(title) aria-describedby=(about) width="100%" height=(HEIGHT) {
            title id=(title) { "Lost pings over " (seconds(scale.end)) }
            desc id=(about) { (sentence(outage)) }
            @for tick in scale.ticks() {
                line.grid x1=(scale.percent(tick)) x2=(scale.percent(tick)) y1=(TRACK - 4) y2=(AXIS) {}
                text.tick x=(scale.percent(tick)) y=(HEIGHT - 6) text-anchor=(tick_anchor(scale, tick)) { (scale.label(tick)) }
            }
            rect.answered x="0" y=(TRACK) width="100%" height=(TRACK_HEIGHT) rx="4" {}
            @for [from, to] in &timeline.lost {
                rect.lost x=(scale.percent(*from)) y=(TRACK - 3) width=(scale.span(*from, *to)) height=(TRACK_HEIGHT + 6) {}
            }
            @if let Some(fault) = timeline.fault_at_seconds {
                @if let Some(limit) = limit_seconds {
                    rect.limit x=(scale.percent(fault)) y=(LIMIT) width=(scale.span(fault, fault + limit)) height="5" rx="2" {}
                }
                line.fault x1=(scale.percent(fault)) x2=(scale.percent(fault)) y1="2" y2=(AXIS) {}
                @let (anchor, beside) = if fault / scale.end > 0.6 { ("end", -6) } else { ("start", 6) };
                text.fault-text x=(scale.percent(fault)) dx=(beside) y=(FAULT_TEXT) text-anchor=(anchor) { "fault at " (seconds(fault)) }
            }
        }
    })
}

/// Text at an end of the scale stays inside.
fn tick_anchor(scale: Scale, tick: f64) -> &'static str {
    match tick / scale.end {
        share if share < 0.04 => "start",
        share if share > 0.94 => "end",
        _ => "middle",
    }
}

/// What the drawing shows, in words.
pub fn sentence(outage: &Outage) -> String {
    let timeline = &outage.timeline;
    let fault = match timeline.fault_at_seconds {
        Some(fault) => format!("The fault was at {}. ", seconds(fault)),
        None => String::new(),
    };
    let spans: Vec<String> = timeline
        .lost
        .iter()
        .map(|[from, to]| format!("{} to {} ({})", seconds(*from), seconds(*to), seconds(to - from)))
        .collect();
    match spans.len() {
        0 => format!("{fault}No reply was late or lost."),
        _ => format!("{fault}No replies from {}.", spans.join(", ")),
    }
}
