//! The formats of a disk's file. Pure.

use std::ffi::OsString;
use std::path::Path;

/// How a disk is written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// QEMU's, compressed by zlib, which every QEMU reads
    Qcow2,
    /// The bytes of the disk; sparse
    Raw,
    /// The same, compressed by gzip
    #[value(name = "raw.gz")]
    RawGz,
    /// Hyper-V's
    Vhdx,
}

impl Format {
    /// What it is called, and how names of files with it end.
    pub fn name(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Raw => "raw",
            Self::RawGz => "raw.gz",
            Self::Vhdx => "vhdx",
        }
    }

    /// The program that makes `to` of the raw disk `from`, and its arguments; `None` where the raw disk itself is wanted.
    pub fn conversion(self, from: &Path, to: &Path) -> Option<(&'static str, Vec<OsString>)> {
        let (from, to) = (OsString::from(from), OsString::from(to));
        let qemu_img = |options: &[&str]| {
            let mut arguments: Vec<OsString> = vec!["convert".into(), "-f".into(), "raw".into()];
            arguments.extend(options.iter().map(OsString::from));
            arguments.extend([from.clone(), to.clone()]);
            Some(("qemu-img", arguments))
        };
        match self {
            Self::Raw => None,
            Self::Qcow2 => qemu_img(&["-O", "qcow2", "-c"]),
            Self::Vhdx => qemu_img(&["-O", "vhdx", "-o", "subformat=dynamic"]),
            // Without the name and the time of the file, which would be in the result.
            Self::RawGz => {
                let script = "exec gzip --no-name --stdout \"$1\" >\"$2\"";
                Some(("sh", vec!["-c".into(), script.into(), "sh".into(), from, to]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_the_conversions() {
        let shown = |format: Format| {
            let call = format.conversion(Path::new("disk.raw"), Path::new("to"));
            call.map(|(program, arguments)| format!("{program} {}", arguments.join(std::ffi::OsStr::new(" ")).display()))
        };
        assert_eq!(shown(Format::Raw), None);
        insta::assert_snapshot!(shown(Format::Qcow2).unwrap(), @"qemu-img convert -f raw -O qcow2 -c disk.raw to");
        insta::assert_snapshot!(shown(Format::Vhdx).unwrap(), @"qemu-img convert -f raw -O vhdx -o subformat=dynamic disk.raw to");
        insta::assert_snapshot!(shown(Format::RawGz).unwrap(), @r#"sh -c exec gzip --no-name --stdout "$1" >"$2" sh disk.raw to"#);
    }
}
