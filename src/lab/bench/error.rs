//! What goes wrong with a bench.

use crate::exec::ExecError;

/// What went wrong with a bench. That a mesh does not get whole is no error but a [`super::Measurement`].
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("lab bench needs root: it makes network namespaces and starts Open vSwitch in them; run it again with sudo")]
    NotRoot,
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
    #[error("{host}: {source}\n{said}")]
    Host {
        host: String,
        source: Box<BenchError>,
        /// The last words of its daemons.
        said: String,
    },
    #[error("{what} is not what was expected: {why}")]
    Answer { what: String, why: String },
    /// What the process in the namespaces says.
    #[error("{case}: {said}")]
    Case { case: String, said: String },
    #[error("interrupted")]
    Interrupted,
}

impl BenchError {
    /// For `map_err`.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
