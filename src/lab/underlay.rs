//! What a running lab's underlay can be told.

use std::path::Path;

use super::captures::{CaptureFile, CaptureStream};
use super::control::Request;
use super::error::LabError;
use super::pairs::{Pairs, Ways};
use super::run::Lab;
use super::switch::impairment::Impairment;
use super::switch::pcapng::Limits;

impl Lab {
    /// Drops all frames of `pairs`.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn cut_pairs(&self, pairs: Pairs) -> Result<(), LabError> {
        self.tell(&Request::Cut { pairs })
    }

    /// Lets frames of `pairs` through again.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn heal_pairs(&self, pairs: Pairs) -> Result<(), LabError> {
        self.tell(&Request::Heal { pairs })
    }

    /// Drops all frames of the underlay between two hosts.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn cut(&self, a: &str, b: &str) -> Result<(), LabError> {
        self.cut_pairs(Pairs::between(a, b))
    }

    /// Drops all frames of the underlay from one host to another; the other direction stays as it is.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn cut_one_way(&self, from: &str, to: &str) -> Result<(), LabError> {
        self.cut_pairs(Pairs::one_way(from, to))
    }

    /// Drops all frames of the underlay from and to a host.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn cut_host(&self, host: &str) -> Result<(), LabError> {
        self.cut_pairs(Pairs::host(host, Ways::Both))
    }

    /// Drops all frames of the underlay.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn cut_all(&self) -> Result<(), LabError> {
        self.cut_pairs(Pairs::All)
    }

    /// Lets all frames of the underlay through again.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn heal(&self) -> Result<(), LabError> {
        self.heal_pairs(Pairs::All)
    }

    /// Undoes [`Lab::cut`].
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn heal_between(&self, a: &str, b: &str) -> Result<(), LabError> {
        self.heal_pairs(Pairs::between(a, b))
    }

    /// Undoes [`Lab::cut_one_way`].
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn heal_one_way(&self, from: &str, to: &str) -> Result<(), LabError> {
        self.heal_pairs(Pairs::one_way(from, to))
    }

    /// Undoes [`Lab::cut_host`].
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn heal_host(&self, host: &str) -> Result<(), LabError> {
        self.heal_pairs(Pairs::host(host, Ways::Both))
    }
    /// Impairs `pairs`, which are no more impaired as they were before; the default of [`Impairment`] ends it.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn impair(&self, pairs: Pairs, impairment: Impairment) -> Result<(), LabError> {
        self.tell(&Request::Impair { pairs, impairment })
    }

    /// Starts to capture what goes between two hosts.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn capture(&self, a: &str, b: &str) -> Result<CaptureStream, LabError> {
        CaptureStream::start(self.lab_folder(), a, b)
    }

    /// Captures what goes between two hosts into the file `path`, within `limits`, in the background, until that is ended.
    ///
    /// # Errors
    /// [`LabError::Control`] or [`LabError::Capture`].
    pub fn capture_to_file(&self, a: &str, b: &str, path: &Path, limits: Limits) -> Result<CaptureFile, LabError> {
        self.capture(a, b)?.into_file(path, limits)
    }
}
