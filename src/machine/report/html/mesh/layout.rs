//! Where the hosts of a drawing stand: on a circle, and a root that most hosts hang from in its middle.

use std::f64::consts::{PI, TAU};

use maud::{Markup, html};

use super::round;
use crate::machine::report::{LinkState, Report, Topology};

/// Up to so many hosts have their names in a box; more are dots with the names outside.
const BOXED_HOSTS: usize = 8;
/// Up to so many hosts the names outside stand level; more point outwards, so that they never meet.
const LEVEL_HOSTS: usize = 12;
/// Room between two neighbours on the circle.
const SPACING: f64 = 36.0;
/// Of a character at 13 units, bold.
const CHARACTER: f64 = 7.6;
const LONGEST_NAME: usize = 16;

/// A place in the drawing, in its units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// Of a whole drawing.
#[derive(Debug)]
pub struct Layout {
    pub width: f64,
    pub height: f64,
    /// Of each host, in the report's order.
    pub points: Vec<Point>,
    /// Radians from the right, clockwise; `None` in the middle.
    angles: Vec<Option<f64>>,
    boxed: bool,
    level: bool,
    label: f64,
}

impl Layout {
    pub fn of(report: &Report, topology: &Topology) -> Self {
        let hosts = report.hosts.len();
        let boxed = hosts <= BOXED_HOSTS;
        let level = hosts <= LEVEL_HOSTS;
        let longest = report
            .hosts
            .iter()
            .map(|host| shown(host.as_str()).chars().count())
            .max()
            .unwrap_or(0);
        // The root says so behind its name, where that is outside.
        let label = longest as f64 * CHARACTER + if boxed { 26.0 } else { 52.0 };
        let middle = hub(report, topology);
        let around = hosts - usize::from(middle.is_some());
        let radius = (around as f64 * SPACING / TAU).max(if boxed {
            62.0 + label * 0.42 + if hosts > 3 { 24.0 } else { 0.0 }
        } else {
            120.0
        });
        let mut seats = 0..around;
        let angles: Vec<Option<f64>> = (0..hosts)
            .map(|index| (Some(index) != middle).then(|| seats.next()))
            .map(|seat| Some(seat?? as f64 * TAU / around.max(1) as f64 - PI / 2.0))
            .collect();
        let points: Vec<Point> = angles
            .iter()
            .map(|angle| match angle {
                Some(angle) => Point {
                    x: angle.cos() * radius,
                    // Names are wide, so there is less room from side to side.
                    y: angle.sin() * radius * if boxed { 0.8 } else { 1.0 },
                },
                None => Point { x: 0.0, y: 0.0 },
            })
            .collect();
        let (beside, above) = match (boxed, level) {
            (true, _) => (label / 2.0 + 6.0, 40.0),
            (false, true) => (label + 14.0, 34.0),
            (false, false) => (label + 14.0, label + 14.0),
        };
        let side = |pick: fn(&Point) -> f64, sign: f64| points.iter().map(|point| pick(point) * sign).fold(0.0, f64::max);
        let (left, right) = (side(|p| p.x, -1.0) + beside, side(|p| p.x, 1.0) + beside);
        let (top, bottom) = (
            side(|p| p.y, -1.0) + above,
            side(|p| p.y, 1.0) + above - if boxed { 18.0 } else { 0.0 },
        );
        Self {
            width: left + right,
            height: top + bottom,
            points: points
                .iter()
                .map(|point| Point {
                    x: point.x + left,
                    y: point.y + top,
                })
                .collect(),
            angles,
            boxed,
            level,
            label,
        }
    }

    /// How much larger than its units the drawing may become: text stays text.
    pub fn zoom(&self) -> f64 {
        if self.boxed { 1.35 } else { 1.5 }
    }

    /// Where along a link its name stands: in the middle of the circle's edges; of a chord nearer to one end, where others do not cross.
    pub fn label_share(&self, one: usize, other: usize) -> f64 {
        let around = self.angles.iter().flatten().count();
        let apart = one.abs_diff(other);
        if around <= 3 || apart == 1 || apart + 1 == around {
            0.5
        } else {
            0.3
        }
    }

    /// A host.
    pub fn node(&self, index: usize, name: &str, is_root: bool) -> Markup {
        let Point { x, y } = self.points[index];
        let (x, y) = (round(x), round(y));
        let text = shown(name);
        html! {
            g class={ "node" (if is_root { " root" } else { "" }) } {
                title { (name) @if is_root { ", the root" } }
                @if self.boxed {
                    rect x=(round(x - self.label / 2.0)) y=(y - 17.0) width=(round(self.label)) height="34" rx="9" {}
                    text x=(x) y=(y + 4.5) text-anchor="middle" { (text) }
                    @if is_root { text.tag x=(x) y=(y - 22.0) text-anchor="middle" { "root" } }
                } @else {
                    circle cx=(x) cy=(y) r=(if is_root { 9 } else { 6 }) {}
                    (self.outside(index, x, y, &if is_root { format!("{text} (root)") } else { text }))
                }
            }
        }
    }

    /// The name beyond the dot, away from the middle.
    fn outside(&self, index: usize, x: f64, y: f64, text: &str) -> Markup {
        let Some(angle) = self.angles[index] else {
            return html! { text.halo x=(x) y=(y - 15.0) text-anchor="middle" { (text) } };
        };
        if !self.level {
            let (turn, anchor) = if angle.cos() < -0.001 {
                (angle + PI, "end")
            } else {
                (angle, "start")
            };
            let turn = format!("translate({x} {y}) rotate({})", round(turn.to_degrees()));
            return html! { text transform=(turn) x=(if anchor == "end" { -14 } else { 14 }) y="4.5" text-anchor=(anchor) { (text) } };
        }
        let anchor = match angle.cos() {
            cos if cos > 0.12 => "start",
            cos if cos < -0.12 => "end",
            _ => "middle",
        };
        html! { text x=(round(x + angle.cos() * 13.0)) y=(round(y + angle.sin() * 15.0 + 4.5)) text-anchor=(anchor) { (text) } }
    }
}

/// The root, where at least half of the other hosts hang from it and there are enough of them for a circle.
fn hub(report: &Report, topology: &Topology) -> Option<usize> {
    let root = topology.root.as_ref()?;
    let spokes = topology
        .links
        .iter()
        .filter(|link| link.state == LinkState::Forwarding && link.ends.contains(root))
        .count();
    (report.hosts.len() > 5 && spokes * 2 >= report.hosts.len()).then_some(())?;
    report.hosts.iter().position(|host| host == root)
}

/// What there is room for; the title of the node and the table have all of it.
fn shown(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    name.chars().take(LONGEST_NAME - 1).chain(['…']).collect()
}
