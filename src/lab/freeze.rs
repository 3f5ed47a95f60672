//! Hosts that stand still.

use super::control::Request;
use super::{Lab, LabError};

impl Lab {
    /// Freezes the host: to the others it is as silent as a dead one, but it goes on where it stood.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn pause(&self, host: &str) -> Result<(), LabError> {
        self.tell(&Request::Pause { host: host.to_owned() })
    }

    /// Lets a frozen host go on; one that is not frozen does so anyway.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn resume(&self, host: &str) -> Result<(), LabError> {
        self.tell(&Request::Resume { host: host.to_owned() })
    }
}
