//! How busy the machine is, from proc_stat(5) and proc_pid_stat(5).

use serde::{Deserialize, Serialize};

use super::BenchError;

/// Ticks of all processors since the machine started, and those of the processes that are seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ticks {
    all: u64,
    idle: u64,
    stolen: u64,
    own: u64,
}

/// What was going on meanwhile, percent of all processors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Load {
    pub processors: usize,
    pub busy_percent: f64,
    /// By the bench itself; what the kernel does for it at interrupts is not counted.
    pub own_percent: f64,
    /// Taken by the machine that this one is a guest of.
    pub stolen_percent: f64,
}

impl Ticks {
    /// # Errors
    /// [`BenchError::Io`] without /proc/stat.
    pub fn now() -> Result<Self, BenchError> {
        let text = std::fs::read_to_string("/proc/stat").map_err(BenchError::io("/proc/stat"))?;
        let mut ticks = of_machine(&text);
        let processes = std::fs::read_dir("/proc").map_err(BenchError::io("/proc"))?;
        for process in processes.flatten() {
            // In a namespace of their own only its processes are there; those that end meanwhile are not missed.
            if let Ok(text) = std::fs::read_to_string(process.path().join("stat")) {
                ticks.own += of_process(&text).unwrap_or(0);
            }
        }
        Ok(ticks)
    }

    pub fn since(self, begin: Self) -> Load {
        let all = self.all.saturating_sub(begin.all).max(1) as f64;
        let percent = |ticks: u64| (ticks as f64 * 1000.0 / all).round() / 10.0;
        let idle = self.idle.saturating_sub(begin.idle);
        Load {
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            busy_percent: percent(self.all.saturating_sub(begin.all).saturating_sub(idle)),
            own_percent: percent(self.own.saturating_sub(begin.own)),
            stolen_percent: percent(self.stolen.saturating_sub(begin.stolen)),
        }
    }
}

/// `cpu  USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL GUEST GUEST_NICE`; the last two are in the first two already.
fn of_machine(text: &str) -> Ticks {
    let first = text.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
    let figures: Vec<u64> = first.split_whitespace().map(|figure| figure.parse().unwrap_or(0)).collect();
    let at = |place: usize| figures.get(place).copied().unwrap_or(0);
    Ticks {
        all: figures.iter().take(8).sum(),
        idle: at(3) + at(4),
        stolen: at(7),
        own: 0,
    }
}

/// Fields 14 and 15 of `PID (COMMAND) STATE ...`; a command may have blanks and brackets in its name.
fn of_process(text: &str) -> Option<u64> {
    let (_, after) = text.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_all_processors() {
        let begin = of_machine("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1\n");
        let mut end = of_machine("cpu  150 0 120 710 100 0 10 10 0 0\n");
        end.own = 50;
        let load = end.since(begin);
        assert_eq!((load.busy_percent, load.own_percent, load.stolen_percent), (90.0, 50.0, 10.0));
    }

    #[test]
    fn the_ticks_of_a_process() {
        assert_eq!(of_process("17 (ovs (a) b) S 1 17 17 0 -1 4194560 9 0 0 0 30 12 0 0 20 0"), Some(42));
        assert_eq!(of_process("garbage"), None);
        assert_eq!(of_process(""), None);
    }
}
