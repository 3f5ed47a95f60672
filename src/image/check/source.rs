//! From the file that is asked about to a raw disk that can be read at any place. The file itself is only ever read.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::finding::{Code, Finding};
use super::{CheckError, temporary};
use crate::exec::{ExecError, Tool, interrupt};

/// qemu-img reads some headers; a slow disk may take its time.
const INFO_DEADLINE: Duration = Duration::from_secs(60);

/// Writing a disk of some GB; a slow disk may take its time.
const CONVERT_DEADLINE: Duration = Duration::from_secs(30 * 60);

/// The largest disk that is unpacked from a compressed file, bytes: Digital Ocean's limit, and an end for a file that never ends.
const UNPACKED_MAX: u64 = 100_000_000_000;

/// A disk as raw bytes.
#[derive(Debug)]
pub struct Source {
    /// As qemu-img(1) names it; `.gz` behind it where it was compressed.
    pub format: String,
    /// Bytes.
    pub virtual_size: u64,
    /// The raw bytes: the file itself, or a copy in the temporary folder.
    pub raw: PathBuf,
}

/// The first bytes of what is compressed, and the name of the format.
const COMPRESSED: [(&[u8], &str); 4] = [
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
];

/// What the check uses of `qemu-img info --output=json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Info {
    format: String,
    virtual_size: u64,
    #[serde(default)]
    encrypted: bool,
    #[serde(default)]
    cluster_size: u64,
    backing_filename: Option<String>,
    format_specific: Option<Specific>,
}

/// What it uses of `qemu-img check --output=json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Checked {
    image_end_offset: u64,
}

#[derive(Debug, Deserialize)]
struct Specific {
    #[serde(default)]
    data: serde_json::Value,
}

/// Arguments of qemu-img that say what `image` is.
fn info_arguments(image: &Path) -> Vec<std::ffi::OsString> {
    vec!["info".into(), "--output=json".into(), "--".into(), image.into()]
}

/// Arguments of qemu-img that check the tables of `image`, and repair nothing.
fn check_arguments(format: &str, image: &Path) -> Vec<std::ffi::OsString> {
    let mut arguments: Vec<std::ffi::OsString> = ["check", "--output=json", "-f", format, "--"].map(Into::into).to_vec();
    arguments.push(image.into());
    arguments
}

/// Arguments of qemu-img that write `image`, of this format, as raw bytes. Nothing is guessed a second time.
fn convert_arguments(format: &str, image: &Path, raw: &Path) -> Vec<std::ffi::OsString> {
    let mut arguments: Vec<std::ffi::OsString> = ["convert", "-f", format, "-O", "raw", "--"].map(Into::into).to_vec();
    arguments.extend([image.into(), raw.into()]);
    arguments
}

/// Makes `image` readable as a raw disk, in `folder` where it has to be copied; or says what is wrong with it.
///
/// # Errors
/// [`CheckError`] where the file cannot be opened, a program is missing, or there is no room for the copy.
pub fn open(image: &Path, folder: &Path) -> Result<Result<Source, Finding>, CheckError> {
    // An absolute name: qemu-img takes one with a colon in it for a protocol otherwise.
    let image = image.canonicalize().map_err(|source| CheckError::open(image, source))?;
    let metadata = image.metadata().map_err(|source| CheckError::open(&image, source))?;
    if !metadata.is_file() {
        return Err(CheckError::NotAFile { path: image });
    }
    let mut head = Vec::new();
    let file = File::open(&image).map_err(|source| CheckError::open(&image, source))?;
    file.take(16)
        .read_to_end(&mut head)
        .map_err(|source| CheckError::open(&image, source))?;
    if head.is_empty() {
        return Ok(Err(Finding::new(
            Code::Empty,
            "the file is empty",
            "build or download the image again",
        )));
    }
    match COMPRESSED.iter().find(|(magic, _)| head.starts_with(magic)) {
        Some((_, "gzip")) => unpack(&image, folder),
        Some((_, name)) => Ok(Err(Finding::new(
            Code::Compression,
            format!("the file is compressed by {name}"),
            format!("unpack it, and check what comes out: {name} -d FILE"),
        ))),
        None => read(&image, folder),
    }
}

/// A raw disk that is compressed by gzip.
fn unpack(image: &Path, folder: &Path) -> Result<Result<Source, Finding>, CheckError> {
    let raw = folder.join("unpacked.raw");
    let file = File::open(image).map_err(|source| CheckError::open(image, source))?;
    let mut decoder = flate2::read::MultiGzDecoder::new(io::BufReader::new(file));
    let mut out = File::create(&raw).map_err(|source| temporary(&raw, source))?;
    let size = match copy_sparse(&mut decoder, &mut out) {
        Ok(size) => size,
        Err(Copy::Read(source)) => {
            return Ok(Err(Finding::new(
                Code::Damaged,
                format!("the compressed file cannot be read to its end: {source}"),
                "it was cut off or altered: build or download it again",
            )));
        }
        Err(Copy::TooLarge) => {
            return Ok(Err(Finding::new(
                Code::TooLarge,
                format!("it unpacks to more than {UNPACKED_MAX} bytes"),
                "make the disk smaller: the root file system grows at first boot",
            )));
        }
        Err(Copy::Write(source)) => return Err(temporary(&raw, source)),
        Err(Copy::Interrupted) => return Err(CheckError::Interrupted),
    };
    let inner = read(&raw, folder)?;
    Ok(match inner {
        Ok(source) if source.format != "raw" => Err(Finding::new(
            Code::Format,
            format!("a {} disk that is compressed once more", source.format),
            "hand it out as it is, without gzip",
        )),
        Ok(source) => Ok(Source {
            format: "raw.gz".to_owned(),
            virtual_size: size,
            ..source
        }),
        Err(finding) => Err(finding),
    })
}

enum Copy {
    Read(io::Error),
    Write(io::Error),
    TooLarge,
    Interrupted,
}

/// Copies and leaves holes where there are only zeros: most of a disk. Gives the size.
fn copy_sparse(from: &mut impl Read, to: &mut File) -> Result<u64, Copy> {
    use std::io::{Seek, SeekFrom};
    let mut block = vec![0; 1024 * 1024];
    let mut size = 0;
    loop {
        let mut filled = 0;
        while filled < block.len() {
            match from.read(&mut block[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Copy::Read(error)),
            }
        }
        let bytes = &block[..filled];
        size += filled as u64;
        if interrupt::requested() {
            return Err(Copy::Interrupted);
        }
        if size > UNPACKED_MAX {
            return Err(Copy::TooLarge);
        }
        if bytes.iter().any(|byte| *byte != 0) {
            to.write_all(bytes).map_err(Copy::Write)?;
        } else {
            to.seek(SeekFrom::Current(filled as i64)).map_err(Copy::Write)?;
        }
        if filled < block.len() {
            to.set_len(size).map_err(Copy::Write)?;
            return Ok(size);
        }
    }
}

/// What qemu-img reads.
fn read(image: &Path, folder: &Path) -> Result<Result<Source, Finding>, CheckError> {
    let said = Tool::new("qemu-img", INFO_DEADLINE)
        .arguments(info_arguments(image))
        .environment("LC_ALL", "C")
        .run();
    let said = match said {
        Ok(said) => said,
        Err(error) => return damaged(error),
    };
    let info: Info = serde_json::from_slice(&said.stdout).map_err(CheckError::Info)?;
    if let Some(finding) = refused(&info, image) {
        return Ok(Err(finding));
    }
    if info.format == "raw" {
        return Ok(Ok(Source {
            format: info.format,
            virtual_size: info.virtual_size,
            raw: image.to_owned(),
        }));
    }
    match consistent(&info, image) {
        Ok(true) => {}
        Ok(false) => return Ok(Err(cut_off("its tables speak of more bytes than there are"))),
        Err(error) => return damaged(error),
    }
    let raw = folder.join("converted.raw");
    let converted = Tool::new("qemu-img", CONVERT_DEADLINE)
        .arguments(convert_arguments(&info.format, image, &raw))
        .environment("LC_ALL", "C")
        .run();
    match converted {
        Ok(_) => Ok(Ok(Source {
            format: info.format,
            virtual_size: info.virtual_size,
            raw,
        })),
        Err(ExecError::Failed { stderr_tail, .. }) if stderr_tail.contains("No space left") => {
            Err(temporary(&raw, io::ErrorKind::StorageFull.into()))
        }
        Err(error) => damaged(error),
    }
}

/// Whether the format's own tables are whole: what lies behind the end of a file that was cut off would read as zeros.
fn consistent(info: &Info, image: &Path) -> Result<bool, ExecError> {
    let checked = Tool::new("qemu-img", CONVERT_DEADLINE)
        .arguments(check_arguments(&info.format, image))
        .environment("LC_ALL", "C")
        .run();
    match checked {
        // 3: room is lost, and nothing else; 63: the format has no such check (qemu-img(1)).
        Err(ExecError::Failed { status, .. }) if ["exit status: 3", "exit status: 63"].contains(&status.as_str()) => Ok(true),
        Err(other) => Err(other),
        Ok(said) => {
            let checked: Checked = serde_json::from_slice(&said.stdout).unwrap_or_default();
            let size = image.metadata().map(|metadata| metadata.len()).unwrap_or(u64::MAX);
            // The last cluster has not to be there whole.
            Ok(checked.image_end_offset < size.saturating_add(info.cluster_size.max(1)))
        }
    }
}

/// qemu-img refused the file: a finding, with its own words.
fn damaged(error: ExecError) -> Result<Result<Source, Finding>, CheckError> {
    match error {
        // A machine runs from it: nothing is wrong with the file.
        ExecError::Failed { stderr_tail, .. } if stderr_tail.contains(" lock") => Err(CheckError::InUse),
        ExecError::Failed { stderr_tail, .. } => Ok(Err(cut_off(first_line(&stderr_tail)))),
        other => Err(CheckError::Exec(other)),
    }
}

fn cut_off(why: &str) -> Finding {
    Finding::new(
        Code::Damaged,
        format!("the image is damaged: {why}"),
        "it was cut off or altered: build or download it again",
    )
}

/// A damaged image has as many lines as places; one says enough.
fn first_line(said: &str) -> &str {
    said.lines()
        .next()
        .unwrap_or("it does not say why")
        .trim_start_matches("qemu-img: ")
}

/// Why a disk is not looked into, if so.
fn refused(info: &Info, image: &Path) -> Option<Finding> {
    if info.encrypted || info.format == "luks" {
        return Some(Finding::new(
            Code::Encrypted,
            format!("the {} image is encrypted", info.format),
            "hand out an image without encryption: qemu-img convert writes one",
        ));
    }
    let other = other_file(info, image)?;
    Some(Finding::new(
        Code::OtherFiles,
        format!("the image takes bytes from another file: {other}"),
        "make one file of it: qemu-img convert -O qcow2 IMAGE NEW-IMAGE",
    ))
}

/// A file besides the image that its bytes are in. An image from elsewhere could name any file of this machine.
fn other_file(info: &Info, image: &Path) -> Option<String> {
    if let Some(backing) = &info.backing_filename {
        return Some(backing.clone());
    }
    let data = &info.format_specific.as_ref()?.data;
    if let Some(file) = data.get("data-file").and_then(serde_json::Value::as_str) {
        return Some(file.to_owned());
    }
    let extents = data.get("extents").and_then(serde_json::Value::as_array)?;
    let mut files = extents.iter().filter_map(|extent| extent.get("filename")?.as_str());
    files.find(|file| Path::new(file) != image).map(str::to_owned)
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
