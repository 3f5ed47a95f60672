//! How far each of several things is: a bar for each on a terminal, a line for each change elsewhere.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Ui, seconds};

/// All bars of this process: there is one stderr. Lines that are said meanwhile go above them.
pub(super) static BARS: LazyLock<MultiProgress> = LazyLock::new(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(5)));

/// Drawn in one colour with ASCII, so NO_COLOR has nothing to forbid and every terminal has the signs.
const TEMPLATE: &str = "  {prefix}  [{bar:26}] {elapsed:>4}  {msg}";

/// Things with names that go through steps. Dropped, it takes its bars away.
pub struct Progress {
    ui: Ui,
    started: Instant,
    /// Empty where there are no bars.
    bars: BTreeMap<String, ProgressBar>,
}

impl Progress {
    /// For `names`, each of which goes through `steps` steps; times count from `started`.
    pub fn new(ui: &Ui, names: &[&str], steps: u64, started: Instant) -> Self {
        let mut bars = BTreeMap::new();
        if ui.has_bars() {
            let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
            // The template is ours and tested.
            let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
            let style = style.progress_chars("=> ");
            for name in names {
                let bar = ProgressBar::new(steps)
                    .with_style(style.clone())
                    .with_prefix(format!("{name:width$}"));
                let bar = bar.with_elapsed(started.elapsed());
                bars.insert((*name).to_owned(), BARS.add(bar));
            }
        }
        Self { ui: *ui, started, bars }
    }

    /// Each of `names` got to `step`, the how-manieth is with the name. `said`: whether it is worth a line where there are no bars.
    pub fn reached(&self, step: &str, names: &[(&str, u64)], said: bool) {
        if !self.bars.is_empty() {
            for (name, count) in names {
                if let Some(bar) = self.bars.get(*name) {
                    bar.set_message(step.to_owned());
                    bar.set_position(*count);
                }
            }
        } else if said {
            let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            self.ui
                .line(&format!("{}: {step} after {}", names.join(", "), seconds(self.started.elapsed())));
        }
    }

    /// Draws the time that has passed.
    pub fn tick(&self) {
        for bar in self.bars.values() {
            bar.tick();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        for bar in self.bars.values() {
            bar.finish_and_clear();
            BARS.remove(bar);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_one() {
        ProgressStyle::with_template(TEMPLATE).unwrap();
    }

    #[test]
    fn there_are_no_bars_without_a_terminal() {
        // The test's stderr may be a terminal; a silent Ui has none in any case.
        let progress = Progress::new(&Ui::silent(), &["host1"], 3, Instant::now());
        assert!(progress.bars.is_empty());
        progress.reached("kernel", &[("host1", 1), ("host2", 1)], true);
        progress.tick();
    }
}
