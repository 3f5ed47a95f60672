//! Boots an image in QEMU, as its firmware would, to a login prompt on the serial console. The image stays as it is: the guest writes to an
//! overlay. No KVM: what is found must not depend on the machine, and a boot takes a minute without it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::finding::{Boot, Code, Finding};
use super::{CheckError, temporary};
use crate::exec::{ExecError, Tool};
use crate::lab::{self, Accelerator};
use crate::ui::Ui;
use crate::wait::{Look, WaitError, until};

/// What starts the boot loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Firmware {
    /// QEMU's own
    Bios,
    /// That of the package ovmf
    Uefi,
}

impl Firmware {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bios => "BIOS",
            Self::Uefi => "UEFI",
        }
    }

    /// Code and empty settings of the firmware, where Debian's package ovmf has them: the first pair that is there. Later releases have only
    /// those of 4 MiB.
    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Bios => &[],
            Self::Uefi => &[
                ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
                ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
            ],
        }
    }
}

/// A kind of firmware, and its files where QEMU has none built in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirmwareFiles {
    pub firmware: Firmware,
    pub code_and_settings: Option<(PathBuf, PathBuf)>,
}

/// Finds the files that `firmware` needs.
///
/// # Errors
/// They are not installed.
pub fn firmware_files(firmware: Firmware) -> Result<FirmwareFiles, ExecError> {
    let pairs = firmware.files();
    let is_there = |(code, settings): &&(&str, &str)| Path::new(code).is_file() && Path::new(settings).is_file();
    let found = pairs
        .iter()
        .find(is_there)
        .map(|(code, settings)| (PathBuf::from(code), PathBuf::from(settings)));
    match (found, pairs.first()) {
        (None, Some((code, _))) => Err(ExecError::missing(vec![(*code).to_owned()])),
        (found, _) => Ok(FirmwareFiles {
            firmware,
            code_and_settings: found,
        }),
    }
}

/// An emulated Debian takes 70 to 130 s to its login prompt, and a busy machine may take several times that.
const LOGIN_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// How often the console is looked at.
const INTERVAL: Duration = Duration::from_millis(200);

/// How long qemu-img may take to make an overlay.
const OVERLAY_DEADLINE: Duration = Duration::from_secs(60);

/// How many lines of the console a finding shows.
const TAIL_LINES: usize = 15;

/// What a system says to whoever may log in (getty(8)).
const PROMPT: &str = "login:";

/// What is said where no prompt will come any more: by SeaBIOS, OVMF, GRUB, Linux, initramfs-tools and systemd.
const HOPELESS: [&str; 8] = [
    "No bootable device.",
    "Shell>",
    "grub rescue>",
    "grub>",
    "Kernel panic - not syncing",
    "(initramfs)",
    "You are in emergency mode",
    "BdsDxe: No bootable option or device was found",
];

/// Names in the folder in which QEMU runs, so that no path has to be quoted for it.
mod names {
    pub const OVERLAY: &str = "overlay.qcow2";
    pub const SERIAL: &str = "serial.log";
    pub const QEMU_LOG: &str = "qemu.log";
    pub const CODE: &str = "firmware.fd";
    pub const SETTINGS: &str = "settings.fd";
}

/// Arguments of qemu-system-x86_64 that boot the overlay by `firmware`: nothing but what the disk has.
fn arguments(firmware: Firmware) -> Vec<String> {
    let mut arguments: Vec<String> = Vec::new();
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(|word| (*word).to_owned()));
    add(&["-name", "guest=meshimg:check", "-nodefaults", "-no-user-config", "-display", "none"]);
    match firmware {
        // So SeaBIOS shows its screen, and that of a boot loader, on the serial console too.
        Firmware::Bios => add(&["-machine", "q35,graphics=off"]),
        Firmware::Uefi => {
            add(&["-machine", "q35"]);
            add(&["-drive", &format!("if=pflash,unit=0,format=raw,readonly=on,file={}", names::CODE)]);
            add(&["-drive", &format!("if=pflash,unit=1,format=raw,file={}", names::SETTINGS)]);
        }
    }
    add(&lab::qemu::accelerator(Accelerator::Tcg));
    add(&["-smp", "2", "-m", "1024M"]);
    // Boot loaders draw on a screen, and some do not start without one.
    add(&["-vga", "std"]);
    add(&[
        "-chardev",
        &format!("file,id=serial,path={}", names::SERIAL),
        "-serial",
        "chardev:serial",
    ]);
    let disk = format!(
        "driver=qcow2,node-name=disk,file.driver=file,file.filename={},file.cache.no-flush=on",
        names::OVERLAY
    );
    add(&["-blockdev", &disk, "-device", "virtio-blk-pci,drive=disk,bootindex=0"]);
    add(&[
        "-object",
        "rng-random,id=random,filename=/dev/urandom",
        "-device",
        "virtio-rng-pci,rng=random",
    ]);
    // A NIC with an address by DHCP and no way out: without one a system may wait for the network before it lets anybody in.
    add(&[
        "-netdev",
        "user,id=nic,restrict=on,ipv6=off",
        "-device",
        "virtio-net-pci,netdev=nic,romfile=",
    ]);
    arguments
}

/// Boots the raw disk. What was seen of it, and a finding if no login prompt came.
///
/// # Errors
/// QEMU could not be started, a file not written, or Ctrl-C.
pub fn boot(raw: &Path, files: &FirmwareFiles, folder: &Path, ui: &Ui) -> Result<(Boot, Option<Finding>), CheckError> {
    let firmware = files.firmware;
    let folder = folder.join(firmware.name());
    std::fs::create_dir(&folder).map_err(|source| temporary(&folder, source))?;
    prepare(raw, files, &folder)?;
    let what = format!("boot by {}, to a login prompt", firmware.name());
    let started = Instant::now();
    let login = ui.step(&what, || -> Result<Result<(), WaitError>, CheckError> {
        let log = folder.join(names::QEMU_LOG);
        let mut running = Tool::new(lab::qemu::QEMU, LOGIN_DEADLINE)
            .arguments(arguments(firmware))
            .folder(&folder)
            .log(&log)
            .spawn()?;
        let seen = until("the login prompt", LOGIN_DEADLINE, INTERVAL, || {
            let said = std::fs::read(folder.join(names::SERIAL)).unwrap_or_default();
            match (look(&String::from_utf8_lossy(&said)), running.ended()) {
                (Look::Pending(_), Some(status)) => {
                    let said = std::fs::read_to_string(&log).unwrap_or_default();
                    Look::Gone(format!("QEMU ended ({status}) {}", said.trim()))
                }
                (look, _) => look,
            }
        });
        running.kill();
        match seen {
            Err(error @ WaitError::Interrupted { .. }) => Err(error.into()),
            other => Ok(other),
        }
    })?;
    let said = std::fs::read(folder.join(names::SERIAL)).unwrap_or_default();
    let boot = Boot {
        firmware: firmware.name(),
        login_seconds: login.is_ok().then(|| started.elapsed().as_secs_f64()),
    };
    // The next boot needs the room.
    std::fs::remove_dir_all(&folder).map_err(|source| temporary(&folder, source))?;
    Ok((
        boot,
        login
            .err()
            .map(|error| no_login(firmware, &error, &tail(&String::from_utf8_lossy(&said)))),
    ))
}

fn prepare(raw: &Path, files: &FirmwareFiles, folder: &Path) -> Result<(), CheckError> {
    Tool::new("qemu-img", OVERLAY_DEADLINE)
        .arguments(lab::qemu::overlay_arguments(raw, "raw", None, names::OVERLAY))
        .folder(folder)
        .run()?;
    if let Some((code, settings)) = &files.code_and_settings {
        for (from, name) in [(code, names::CODE), (settings, names::SETTINGS)] {
            let to = folder.join(name);
            std::fs::copy(from, &to).map_err(|source| temporary(&to, source))?;
        }
    }
    Ok(())
}

/// What the console says of the boot so far.
fn look(console: &str) -> Look<()> {
    if console.contains(PROMPT) {
        return Look::Ready(());
    }
    match HOPELESS.iter().find(|text| console.contains(*text)) {
        Some(text) => Look::Gone(format!("the console says \"{text}\"")),
        None => Look::Pending(tail(console).lines().last().unwrap_or("nothing").to_owned()),
    }
}

fn no_login(firmware: Firmware, error: &WaitError, console: &str) -> Finding {
    let console = if console.is_empty() { "(nothing)" } else { console };
    Finding::new(
        Code::NoLogin,
        format!(
            "booted by {}: {error}\nthe last lines of the serial console:\n{console}",
            firmware.name()
        ),
        "look at what the console says; without a word of the kernel, add console=ttyS0 to its command line, and a getty",
    )
}

/// The last lines of a console, without what moves its cursor and sets its colours (ECMA-48).
fn tail(console: &str) -> String {
    let mut text = String::new();
    let mut characters = console.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                // CSI ends in a letter; other sequences have one more character.
                if characters.next() == Some('[') {
                    while characters.next().is_some_and(|next| !('@'..='~').contains(&next)) {}
                }
            }
            '\n' => text.push('\n'),
            control if control.is_control() => {}
            other => text.push(other),
        }
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
#[path = "boot_tests.rs"]
mod tests;
