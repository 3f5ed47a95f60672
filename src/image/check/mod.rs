//! Checks a disk image as a file: what its parts are, what a machine made of it would miss, and whether it boots. The file is read only; what
//! has to be written, such as a raw copy of a compressed image, is in a temporary folder for as long as the check takes.

mod boot;
mod cloud_init;
mod code;
mod disk;
mod files;
mod finding;
mod identity;
mod kernel;
mod network;
mod reference;
mod source;
mod table;
mod user_data;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

pub use boot::{Firmware, firmware_files};
pub use finding::{Boot, Code, Finding, Report, Severity};
pub use reference::reference_markdown;
pub use user_data::read as read_user_data;

use super::lint::{self, UserData};
use super::tree::{Overlay, Root, Tree};
use crate::exec::{self, ExecError};
use crate::ui::Ui;
use crate::wait::WaitError;
use source::Source;
use table::Table;

/// What Digital Ocean takes as a custom image at most, bytes (its documentation, "Image requirements").
pub const SIZE_LIMIT: u64 = 100_000_000_000;

/// Formats that Digital Ocean imports, as qemu-img(1) names them.
const IMPORTED: [&str; 6] = ["raw", "raw.gz", "qcow2", "vhdx", "vdi", "vmdk"];

/// What is to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRequest {
    pub image: PathBuf,
    /// How it is to be booted; none at all: not.
    pub boot: Vec<Firmware>,
    /// The disk must be smaller, bytes.
    pub size_limit: u64,
    /// What a host's user-data does to the boot, for the boot-order lint.
    pub user_data: UserData,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("cannot read {}: {source}; give an image that you may read", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("{} is not a file; give a disk image", path.display())]
    NotAFile { path: PathBuf },
    #[error("{}: {why}; give a host's user-data of `meshimg cloud-init`", path.display())]
    UserData { path: PathBuf, why: String },
    /// A full disk too.
    #[error("cannot write {}: {source}; set TMPDIR to a folder with room for the whole disk", path.display())]
    Temporary { path: PathBuf, source: io::Error },
    #[error("the image is in use: shut the machine down that runs from it, or check a copy")]
    InUse,
    #[error("qemu-img says what is not understood: {0}")]
    Info(serde_json::Error),
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error(transparent)]
    Wait(#[from] WaitError),
}

impl CheckError {
    fn open(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Open { path, source }
    }
}

fn temporary(path: &Path, source: io::Error) -> CheckError {
    let path = path.to_owned();
    CheckError::Temporary { path, source }
}

/// A system's files, and what its boot starts.
pub struct System<'a> {
    pub root: Root<'a>,
    /// Names of units, without aliases.
    pub jobs: BTreeSet<String>,
}

/// Checks an image.
///
/// # Errors
/// [`CheckError`]: the image cannot be opened, a program is missing, or there is no room. What is wrong with the image is in the report.
pub fn check(request: &CheckRequest, ui: &Ui) -> Result<Report, CheckError> {
    let mut programs = vec!["qemu-img", "sfdisk"];
    if !request.boot.is_empty() {
        programs.push(crate::lab::qemu::QEMU);
    }
    exec::require(&programs)?;
    let settings = request
        .boot
        .iter()
        .map(|firmware| boot::firmware_files(*firmware))
        .collect::<Result<Vec<_>, _>>()?;
    let folder = tempfile::Builder::new().prefix("meshimg-check-").tempdir();
    let folder = folder.map_err(|source| temporary(&std::env::temp_dir(), source))?;
    let mut report = Report {
        image: request.image.display().to_string(),
        format: String::new(),
        virtual_size: 0,
        system: String::new(),
        boots: Vec::new(),
        findings: Vec::new(),
    };
    match ui.step("reading the image", || source::open(&request.image, folder.path()))? {
        Ok(source) => {
            report.format.clone_from(&source.format);
            report.virtual_size = source.virtual_size;
            report.findings.extend(size(&source, request.size_limit));
            of_disk(request, &source, &settings, folder.path(), &mut report, ui)?;
        }
        Err(finding) => report.findings.push(finding),
    }
    report.sort();
    Ok(report)
}

/// What is wrong with the file as a whole.
fn size(source: &Source, limit: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    if source.virtual_size >= limit {
        findings.push(Finding::new(
            Code::TooLarge,
            format!("the disk has {} bytes, and must have less than {limit}", source.virtual_size),
            "make the disk smaller: the root file system grows at first boot; --size-limit sets another limit",
        ));
    }
    if !IMPORTED.contains(&source.format.as_str()) {
        findings.push(Finding::new(
            Code::Format,
            format!("Digital Ocean imports no {} images", source.format),
            format!(
                "write another: qemu-img convert -O qcow2 -c IMAGE NEW-IMAGE; it takes {}",
                IMPORTED.join(", ")
            ),
        ));
    }
    findings
}

fn of_disk(
    request: &CheckRequest,
    source: &Source,
    settings: &[boot::FirmwareFiles],
    folder: &Path,
    report: &mut Report,
    ui: &Ui,
) -> Result<(), CheckError> {
    let raw = &source.raw;
    let read_error = |source| CheckError::open(raw, source);
    let table = match table::read(raw)? {
        Ok(table) => table,
        Err(finding) => {
            report.findings.push(finding);
            return Ok(());
        }
    };
    let system = disk::system(raw, &table).map_err(read_error)?;
    let root = system.as_ref().ok().map(|system| system.partition);
    report.findings.extend(table::check(&table, source.virtual_size, root));
    let unfit = firmware(request, raw, &table, report).map_err(read_error)?;
    match system {
        Ok(system) => {
            let (name, findings) = of_system(&system.tree, &request.user_data);
            report.system = name;
            report.findings.extend(findings);
            for tree in std::iter::once(&system.tree.root).chain(&system.tree.boot) {
                report
                    .findings
                    .extend(tree.error().map(|error| disk::damaged(system.partition, &error)));
            }
        }
        // Nothing of it can come up.
        Err(finding) => {
            report.findings.push(finding);
            return Ok(());
        }
    }
    for files in settings.iter().filter(|files| !unfit.contains(&files.firmware)) {
        let (booted, finding) = boot::boot(raw, files, folder, ui)?;
        report.boots.push(booted);
        report.findings.extend(finding);
    }
    Ok(())
}

/// What each kind of firmware would miss; gives those by which it cannot boot. Where only some kinds are asked about, what others would
/// miss is no more than a note.
fn firmware(request: &CheckRequest, raw: &Path, table: &Table, report: &mut Report) -> io::Result<Vec<Firmware>> {
    let mut unfit = Vec::new();
    for (kind, mut findings) in [(Firmware::Bios, disk::bios(raw, table)?), (Firmware::Uefi, disk::uefi(raw, table))] {
        if !findings.is_empty() {
            unfit.push(kind);
        }
        if !request.boot.is_empty() && !request.boot.contains(&kind) {
            findings.iter_mut().for_each(|finding| finding.severity = Severity::Note);
        }
        report.findings.append(&mut findings);
    }
    Ok(unfit)
}

/// The name of a system, and what is wrong with its files; the boot-order lint sees what user-data does to them, too.
pub fn of_system(tree: &dyn Tree, user_data: &UserData) -> (String, Vec<Finding>) {
    let root = Root(tree);
    let system = System {
        root,
        jobs: lint::jobs(root),
    };
    let mut findings = kernel::check(root);
    findings.extend(cloud_init::check(&system));
    findings.extend(network::check(&system));
    findings.extend(identity::check(root));
    let later = Overlay::new(tree, &user_data.files);
    findings.extend(lint::boot_order(Root(&later), &user_data.commands));
    (name(root), findings)
}

/// PRETTY_NAME of os-release(5).
fn name(root: Root<'_>) -> String {
    let files = ["/etc/os-release", "/usr/lib/os-release"];
    let text = files.iter().find_map(|path| root.text(path)).unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("Linux").trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests;
