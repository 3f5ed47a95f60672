//! How a machine in QEMU comes from its disk to a kernel.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::{self, Firmware};
use super::{BaseImage, ImageError};
use crate::exec::{self, ExecError, Tool};

/// What QEMU starts a machine with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Boot {
    /// A kernel, without firmware or boot loader looking at the disk.
    Kernel {
        kernel: PathBuf,
        /// Without `console=`.
        command_line: String,
    },
    /// QEMU's own BIOS, and the disk's boot loader.
    Bios,
    /// UEFI firmware, and the disk's boot loader. The variables are forgotten when the machine loses its power.
    Uefi { code: PathBuf, variables: PathBuf },
}

impl Firmware {
    /// How a machine boots by it.
    ///
    /// # Errors
    /// [`ExecError::Missing`] where there is no UEFI firmware.
    pub fn boot(self) -> Result<Boot, ExecError> {
        let found = check::firmware_files(self)?.code_and_settings;
        Ok(found.map_or(Boot::Bios, |(code, variables)| Boot::Uefi { code, variables }))
    }
}

/// qemu-img reads some sectors.
const INFO_DEADLINE: Duration = Duration::from_secs(60);

/// What qemu-img(1) says of a disk; there is more of it.
#[derive(Deserialize)]
struct Info {
    format: String,
}

/// The disk in `file`, which boots by `firmware`.
///
/// # Errors
/// What qemu-img says of a file that it cannot read; [`ImageError::Format`]; a missing program or firmware.
pub fn of_file(file: &Path, firmware: Firmware) -> Result<BaseImage, ImageError> {
    // Overlays lie elsewhere, and name it by its whole path.
    let disk = std::fs::canonicalize(file).map_err(|source| ImageError::Read {
        path: file.to_owned(),
        source,
    })?;
    exec::require(&["qemu-img"])?;
    let info = Tool::new("qemu-img", INFO_DEADLINE)
        .arguments(["info", "--output=json"])
        .argument(&disk)
        .run()?;
    let info: Info = serde_json::from_slice(&info.stdout).map_err(|error| ImageError::Made {
        what: "qemu-img info",
        why: error.to_string(),
    })?;
    if !["raw", "qcow2"].contains(&info.format.as_str()) {
        return Err(ImageError::Format {
            path: disk,
            format: info.format,
        });
    }
    Ok(BaseImage {
        disk,
        format: info.format,
        boot: firmware.boot()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_file_the_format_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        std::fs::write(&path, [0; 4096]).unwrap();
        let image = of_file(&path, Firmware::Bios).unwrap();
        assert_eq!((image.format.as_str(), image.boot), ("raw", Boot::Bios));
        let error = of_file(&folder.path().join("none"), Firmware::Bios).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot read ") && error.ends_with("none: No such file or directory (os error 2)"),
            "{error}"
        );
        let vhdx = folder.path().join("disk.vhdx");
        Tool::new("qemu-img", INFO_DEADLINE)
            .arguments(["create", "-q", "-f", "vhdx"])
            .argument(&vhdx)
            .argument("1M")
            .run()
            .unwrap();
        let error = of_file(&vhdx, Firmware::Bios).unwrap_err().to_string();
        assert!(error.contains("has the format vhdx"), "{error}");
    }
}
