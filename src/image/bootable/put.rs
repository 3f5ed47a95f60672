//! An image from the cache to where its user wants it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Bootable;
use crate::exec::{self, Tool};
use crate::image::ImageError;
use crate::ui::Ui;

/// A copy of 4 GiB to a slow disk.
const COPY_DEADLINE: Duration = Duration::from_secs(20 * 60);

/// A signature; a key on a card, or with a passphrase, waits for its owner.
const SIGN_DEADLINE: Duration = Duration::from_secs(5 * 60);

/// What is beside an image is called as the image, and this.
const SUM: &str = ".sha256";
const MANIFEST: &str = ".cdx.json";
const SIGNATURE: &str = ".asc";

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The arguments of gpg(1) that sign `sum`.
fn sign(key: &str, sum: &Path, signature: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["--batch", "--yes", "--armor", "--local-user"].map(OsString::from).to_vec();
    arguments.extend([key.into(), "--output".into(), signature.into(), "--detach-sign".into(), sum.into()]);
    arguments
}

/// Copies the disk to `output`, its manifest and its checksum beside it, and signs the checksum with `key`. Each file is there whole or not at all,
/// the checksum last: it vouches for what it stands beside. A disk that is there already is not copied again.
///
/// # Errors
/// A file that could not be written, or what cp(1) or gpg(1) said.
pub fn put(made: &Bootable, output: &Path, key: Option<&str>, ui: &Ui) -> Result<(), ImageError> {
    let name = output.file_name().ok_or_else(|| ImageError::Made {
        what: "--output",
        why: format!("{} is no name of a file", output.display()),
    })?;
    if key.is_some() {
        exec::require(&["gpg"])?;
    }
    let sum = beside(output, SUM);
    let text = format!("{}  {}\n", made.sha256, name.to_string_lossy());
    if is_there(made, output, &sum, &text) {
        ui.line(&format!("{} is there already", output.display()));
    } else {
        // Should the copy end half-way, no checksum says otherwise.
        if sum.exists() {
            crate::image::remove(&sum)?;
        }
        ui.step(&format!("image: copy to {}", output.display()), || copy(&made.disk, output))?;
    }
    copy(&made.manifest, &beside(output, MANIFEST))?;
    whole(&sum, |partial| crate::image::write(partial, &text))?;
    if let Some(key) = key {
        whole(&beside(output, SIGNATURE), |partial| {
            Tool::new("gpg", SIGN_DEADLINE).arguments(sign(key, &sum, partial)).run()?;
            Ok(())
        })?;
    }
    Ok(())
}

/// Whether this very disk was put there before, and nobody has touched it since.
fn is_there(made: &Bootable, output: &Path, sum: &Path, text: &str) -> bool {
    let length = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.len()).ok();
    let modified = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let same_sum = std::fs::read_to_string(sum).is_ok_and(|found| found == text);
    same_sum && length(output).is_some() && length(output) == length(&made.disk) && modified(output) <= modified(sum)
}

/// Sparse files stay sparse, and where the file system can share blocks nothing is copied.
fn copy(from: &Path, to: &Path) -> Result<(), ImageError> {
    whole(to, |partial| {
        Tool::new("cp", COPY_DEADLINE)
            .arguments(["--sparse=always", "--reflink=auto", "--no-preserve=all", "--"])
            .arguments([from, partial])
            .run()?;
        Ok(())
    })
}

/// Lets `make` write beside `path`, and gives what came of it the name.
fn whole(path: &Path, make: impl FnOnce(&Path) -> Result<(), ImageError>) -> Result<(), ImageError> {
    let partial = beside(path, &format!(".partial-{}", std::process::id()));
    let made = make(&partial).and_then(|()| std::fs::rename(&partial, path).map_err(|source| ImageError::file(path, source)));
    if made.is_err() {
        // It may not have been made; the error is why.
        let _ = std::fs::remove_file(&partial);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(folder: &Path, content: &str) -> Bootable {
        let (disk, manifest) = (folder.join("disk"), folder.join("manifest"));
        std::fs::write(&disk, content).unwrap();
        std::fs::write(&manifest, "{}").unwrap();
        let sha256 = format!("{:064}", content.len());
        Bootable { disk, sha256, manifest }
    }

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn files_are_put_whole_and_only_when_they_differ() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("mesh.qcow2");
        put(&made(folder.path(), "one"), &output, None, &Ui::silent()).unwrap();
        assert_eq!(read(&output), "one");
        assert_eq!(read(&beside(&output, MANIFEST)), "{}");
        assert_eq!(read(&beside(&output, SUM)), format!("{:064}  mesh.qcow2\n", 3));
        // The cache's content is not read again, as the sum is the same.
        std::fs::write(folder.path().join("disk"), "ONE").unwrap();
        let same = Bootable {
            disk: folder.path().join("disk"),
            sha256: format!("{:064}", 3),
            manifest: folder.path().join("manifest"),
        };
        put(&same, &output, None, &Ui::silent()).unwrap();
        assert_eq!(read(&output), "one");
        put(&made(folder.path(), "three"), &output, None, &Ui::silent()).unwrap();
        assert_eq!(read(&output), "three");
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 5, "nothing else is left");
    }

    #[test]
    fn a_disk_that_was_changed_is_put_again() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("mesh.qcow2");
        let made = made(folder.path(), "one");
        put(&made, &output, None, &Ui::silent()).unwrap();
        std::fs::write(&output, "on").unwrap();
        put(&made, &output, None, &Ui::silent()).unwrap();
        assert_eq!(read(&output), "one");
    }

    #[test]
    fn a_copy_that_fails_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("no/mesh.qcow2");
        let error = put(&made(folder.path(), "one"), &output, None, &Ui::silent()).unwrap_err();
        assert!(error.to_string().contains("No such file or directory"), "{error}");
        assert!(!output.exists());
    }

    #[test]
    fn arguments_of_gpg() {
        let arguments = sign("me@example.org", Path::new("a.sha256"), Path::new("a.asc"));
        insta::assert_snapshot!(arguments.join(std::ffi::OsStr::new(" ")).display().to_string(), @"--batch --yes --armor --local-user me@example.org --output a.asc --detach-sign a.sha256");
    }
}
