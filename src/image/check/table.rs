//! The partition table, by sfdisk(8), and what is wrong with it.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::CheckError;
use super::finding::{Code, Finding};
use crate::exec::{ExecError, Tool};

/// sfdisk reads a few sectors.
const DEADLINE: Duration = Duration::from_secs(60);

/// Partition types: GPT's in lower case (UEFI 2.10, table 5.7; the Discoverable Partitions Specification), MBR's in hexadecimal.
pub const BIOS_BOOT: &str = "21686148-6449-6e6f-744e-656564454649";
const ESP: [&str; 2] = ["c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "ef"];

/// Boundaries on which partitions begin, bytes: what all tools use, so that no disk has to read a block to write half of it.
const ALIGNMENT: u64 = 1024 * 1024;

/// Kind of table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    Gpt,
    Mbr,
}

/// A partition table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub label: Label,
    /// In the order of their places on the disk.
    pub partitions: Vec<Partition>,
}

/// One partition; places are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    pub number: u32,
    pub start: u64,
    pub size: u64,
    /// In lower case.
    pub kind: String,
}

impl Partition {
    /// Where it ends, bytes.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.size)
    }

    pub fn is_esp(&self) -> bool {
        ESP.contains(&self.kind.as_str())
    }
}

#[derive(Deserialize)]
struct Said {
    partitiontable: SaidTable,
}

#[derive(Deserialize)]
struct SaidTable {
    label: String,
    #[serde(default = "sector")]
    sectorsize: u64,
    #[serde(default)]
    partitions: Vec<SaidPartition>,
}

/// sfdisk before 2.35 does not say.
fn sector() -> u64 {
    512
}

#[derive(Deserialize)]
struct SaidPartition {
    node: String,
    start: u64,
    size: u64,
    #[serde(rename = "type")]
    kind: String,
}

fn arguments(raw: &Path) -> Vec<OsString> {
    vec!["--json".into(), "--".into(), raw.into()]
}

/// Reads the table of the raw disk; a finding if there is none.
///
/// # Errors
/// sfdisk is missing, or did not end.
pub fn read(raw: &Path) -> Result<Result<Table, Finding>, CheckError> {
    let said = Tool::new("sfdisk", DEADLINE)
        .arguments(arguments(raw))
        .environment("LC_ALL", "C")
        .run();
    match said {
        Ok(said) => Ok(parse(&said.stdout, raw).ok_or_else(none)),
        Err(ExecError::Failed { .. }) => Ok(Err(none())),
        Err(other) => Err(CheckError::Exec(other)),
    }
}

fn none() -> Finding {
    Finding::new(
        Code::NoTable,
        "it has no partition table: it is no disk, or a file system without one, or the table is damaged",
        "give a disk image with a GPT or MBR partition table",
    )
}

/// The table of what sfdisk says; none if it is of another kind, such as a BSD's.
fn parse(json: &[u8], raw: &Path) -> Option<Table> {
    let said: Said = serde_json::from_slice(json).ok()?;
    let table = said.partitiontable;
    let label = match table.label.as_str() {
        "gpt" => Label::Gpt,
        "dos" => Label::Mbr,
        _ => return None,
    };
    let raw = raw.to_string_lossy();
    let mut partitions: Vec<Partition> = Vec::new();
    for said in table.partitions {
        // An extended partition only holds others.
        if label == Label::Mbr && ["5", "f", "85"].contains(&said.kind.as_str()) {
            continue;
        }
        // The node is the disk's name and the number, with a p between them where the name ends in a digit.
        let number = said.node.strip_prefix(raw.as_ref()).unwrap_or(&said.node);
        partitions.push(Partition {
            number: number.trim_start_matches('p').parse().unwrap_or_default(),
            start: said.start.checked_mul(table.sectorsize)?,
            size: said.size.checked_mul(table.sectorsize)?,
            kind: said.kind.to_ascii_lowercase(),
        });
    }
    partitions.sort_by_key(|partition| partition.start);
    Some(Table { label, partitions })
}

/// What is wrong with where the partitions are; `root` is the number of the root partition.
pub fn check(table: &Table, virtual_size: u64, root: Option<u32>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for partition in &table.partitions {
        let number = partition.number;
        if partition.end() > virtual_size {
            findings.push(Finding::new(
                Code::PartitionOutside,
                format!("partition {number} ends at byte {}, the disk at {virtual_size}", partition.end()),
                "the image was cut off: build or download it again",
            ));
        }
        if !partition.start.is_multiple_of(ALIGNMENT) {
            findings.push(Finding::new(
                Code::Misaligned,
                format!(
                    "partition {number} begins at byte {}, which is no multiple of 1 MiB",
                    partition.start
                ),
                "make the table with sfdisk(8) or systemd-repart(8), which align by themselves",
            ));
        }
    }
    let root = table.partitions.iter().find(|partition| Some(partition.number) == root);
    let behind = root.and_then(|root| table.partitions.iter().find(|other| other.start > root.start));
    if let (Some(root), Some(other)) = (root, behind) {
        findings.push(Finding::new(
            Code::RootNotLast,
            format!(
                "partition {} lies behind the root partition {}, which cannot grow",
                other.number, root.number
            ),
            "put the root partition at the end of the disk",
        ));
    }
    findings
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
