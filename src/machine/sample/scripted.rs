//! Machines that answer from memory.

use std::sync::Mutex;
use std::time::Duration;

use crate::exec::{ExecError, Finished};
use crate::machine::Machine;
use crate::spec::HostName;

type Answer = Box<dyn Fn(&str) -> Result<String, String> + Send + Sync>;

/// A machine that answers with a function.
pub struct Scripted {
    name: HostName,
    answer: Answer,
    scripts: Mutex<Vec<String>>,
}

impl Scripted {
    /// `answer`: output for a script, or the end of stderr of a failure.
    pub fn new(name: &str, answer: impl Fn(&str) -> Result<String, String> + Send + Sync + 'static) -> Self {
        Self {
            name: name.parse().unwrap(),
            answer: Box::new(answer),
            scripts: Mutex::default(),
        }
    }

    pub fn calls(&self) -> usize {
        self.scripts.lock().unwrap().len()
    }

    pub fn last_script(&self) -> String {
        self.scripts.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

impl Machine for Scripted {
    fn name(&self) -> &HostName {
        &self.name
    }

    fn run(&self, script: &str, _deadline: Duration) -> Result<Finished, ExecError> {
        self.scripts.lock().unwrap().push(script.to_owned());
        match (self.answer)(script) {
            Ok(output) => Ok(Finished {
                stdout: output.into_bytes(),
                stderr: Vec::new(),
                took: Duration::ZERO,
            }),
            Err(stderr_tail) => Err(ExecError::Failed {
                command_line: "ssh".into(),
                status: "exit status: 1".into(),
                stderr_tail,
            }),
        }
    }
}

/// As the probes take them.
pub fn machines(scripted: &[Scripted]) -> Vec<&dyn Machine> {
    scripted.iter().map(|machine| machine as &dyn Machine).collect()
}
