//! Which accelerator to use: found by trying, because /dev/kvm can exist, open, and then hang a guest for ever.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::file::Accelerator;
use super::qemu;
use super::state::{StateError, make_private};
use crate::exec::{ExecError, Tool};
use crate::image::{BaseImage, Boot};
use crate::ui::Ui;
use crate::wait::{Look, WaitError, until};

/// A kernel says its first line within a second where KVM works.
const KERNEL_DEADLINE: Duration = Duration::from_secs(5);

/// Behind firmware and GRUB, which waits a second and loads an initrd, it takes some more.
const FIRMWARE_DEADLINE: Duration = Duration::from_secs(30);

/// The start of a kernel's first line of its own (init/version.c, `linux_banner`).
const KERNEL_ALIVE: &[u8] = b"Linux version";

/// How often the trial's serial log is looked at.
const TRIAL_INTERVAL: Duration = Duration::from_millis(50);

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Auto,
    Only(Accelerator),
}

/// Why no accelerator was chosen.
#[derive(Debug, thiserror::Error)]
pub enum AccelError {
    #[error("MESHIMG_ACCEL is '{0}'; tcg, kvm and auto are accepted")]
    Wish(String),
    #[error("KVM was asked for, but {0}")]
    Kvm(String),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error(transparent)]
    Wait(#[from] WaitError),
}

impl Wish {
    /// The value of the environment variable `MESHIMG_ACCEL`; unset or empty means [`Wish::Auto`].
    ///
    /// # Errors
    /// [`AccelError::Wish`].
    pub fn from_environment() -> Result<Self, AccelError> {
        Self::parse(&std::env::var_os("MESHIMG_ACCEL").unwrap_or_default().to_string_lossy())
    }

    fn parse(text: &str) -> Result<Self, AccelError> {
        match text {
            "" | "auto" => Ok(Self::Auto),
            "tcg" => Ok(Self::Only(Accelerator::Tcg)),
            "kvm" => Ok(Self::Only(Accelerator::Kvm)),
            other => Err(AccelError::Wish(other.to_owned())),
        }
    }
}

/// The outcome of a trial, kept until the machine boots anew or QEMU changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Trial {
    boot_id: String,
    qemu_version: String,
    /// Why KVM does not work; `None` if it does.
    fault: Option<String>,
}

/// Chooses, booting `image` under KVM if need be; `state` is where the outcome is kept. Says so when it falls back.
///
/// # Errors
/// [`AccelError`]; that KVM does not work is one only if nothing else was wished for.
pub fn choose(wish: Wish, image: &BaseImage, state: &Path, ui: &Ui) -> Result<Accelerator, AccelError> {
    if wish == Wish::Only(Accelerator::Tcg) {
        return Ok(Accelerator::Tcg);
    }
    match (kvm_fault(image, state)?, wish) {
        (None, _) => Ok(Accelerator::Kvm),
        (Some(fault), Wish::Only(_)) => Err(AccelError::Kvm(fault)),
        (Some(fault), Wish::Auto) => {
            ui.line(&format!("No KVM, so guests run under TCG, which is slower: {fault}"));
            Ok(Accelerator::Tcg)
        }
    }
}

fn kvm_fault(image: &BaseImage, state: &Path) -> Result<Option<String>, AccelError> {
    if let Err(error) = OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        return Ok(Some(format!("/dev/kvm: {error}")));
    }
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .unwrap_or_default()
        .trim()
        .to_owned();
    let version = Tool::new(qemu::QEMU, Duration::from_secs(30)).argument("--version").run()?;
    let qemu_version = version.stdout_text().lines().next().unwrap_or_default().to_owned();
    let kept = state.join("kvm-trial.json");
    let known: Option<Trial> = std::fs::read(&kept).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if let Some(trial) = known.filter(|trial| trial.boot_id == boot_id && trial.qemu_version == qemu_version && !boot_id.is_empty()) {
        return Ok(trial.fault);
    }
    make_private(state)?;
    let fault = try_boot(image)?;
    let trial = Trial {
        boot_id,
        qemu_version,
        fault,
    };
    if let Ok(bytes) = serde_json::to_vec(&trial) {
        // Only a memory: without it the next lab tries again.
        let _ = std::fs::write(&kept, bytes);
    }
    Ok(trial.fault)
}

/// Boots `image` under KVM until its kernel's first output; what it writes to its disk is lost.
fn try_boot(image: &BaseImage) -> Result<Option<String>, AccelError> {
    let folder = tempfile::tempdir().map_err(|source| StateError::Io {
        path: std::env::temp_dir(),
        source,
    })?;
    let (serial, log) = (folder.path().join("serial"), folder.path().join("log"));
    let arguments = qemu::trial_arguments(Accelerator::Kvm, image, &serial);
    let deadline = match image.boot {
        Boot::Kernel { .. } => KERNEL_DEADLINE,
        Boot::Bios | Boot::Uefi { .. } => FIRMWARE_DEADLINE,
    };
    let mut running = Tool::new(qemu::QEMU, deadline).arguments(arguments).log(&log).spawn()?;
    let outcome = until("a line from a kernel under KVM", deadline, TRIAL_INTERVAL, || {
        // The boot stub's own text ("Probing EDD") is printed by the firmware; a guest can hang right after it.
        let said = std::fs::read(&serial).unwrap_or_default();
        if said.windows(KERNEL_ALIVE.len()).any(|window| window == KERNEL_ALIVE) {
            return Look::Ready(());
        }
        match running.ended() {
            Some(status) => {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                Look::Gone(format!("QEMU ended ({status}) {}", said.trim()))
            }
            None => Look::Pending("nothing".to_owned()),
        }
    });
    running.kill();
    match outcome {
        Ok(()) => Ok(None),
        Err(WaitError::Deadline { .. }) => Ok(Some(format!(
            "/dev/kvm opens, but no guest kernel spoke within {} s",
            deadline.as_secs()
        ))),
        Err(WaitError::Gone { why, .. }) => Ok(Some(why)),
        Err(error @ WaitError::Interrupted { .. }) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_one_of_three_words() {
        assert_eq!(Wish::parse("").unwrap(), Wish::Auto);
        assert_eq!(Wish::parse("auto").unwrap(), Wish::Auto);
        assert_eq!(Wish::parse("kvm").unwrap(), Wish::Only(Accelerator::Kvm));
        assert_eq!(Wish::parse("tcg").unwrap(), Wish::Only(Accelerator::Tcg));
        let error = Wish::parse("hvf").unwrap_err().to_string();
        assert_eq!(error, "MESHIMG_ACCEL is 'hvf'; tcg, kvm and auto are accepted");
    }

    #[test]
    fn tcg_on_request_tries_nothing() {
        let nowhere = Path::new("/nonexistent");
        let image = BaseImage {
            disk: nowhere.into(),
            format: "raw".to_owned(),
            boot: Boot::Bios,
        };
        let chosen = choose(Wish::Only(Accelerator::Tcg), &image, nowhere, &Ui::silent()).unwrap();
        assert_eq!(chosen, Accelerator::Tcg);
    }
}
