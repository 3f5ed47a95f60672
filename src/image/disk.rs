//! From mmdebstrap's tar to a disk with an ext4 partition, and its kernel.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::ImageError;
use super::base::BaseRequest;
use super::mmdebstrap;
use crate::exec::Tool;

/// What unpacks the tar, takes away what is particular to one machine, checks, and calls mke2fs.
pub(super) const DISK_SCRIPT: &str = include_str!("scripts/disk.sh");

/// Disk size, MiB. The tree takes 0.7 GiB, which leaves Docker 3 GiB; the file is sparse, so what nobody writes costs nothing.
pub(super) const DISK_MIB: u32 = 4096;

/// Where the partition begins, MiB: on the boundaries of all disks, as sfdisk(8) itself would put it.
const PARTITION_MIB: u32 = 1;

/// Label of the root file system, which fstab names.
pub(super) const DISK_LABEL: &str = "root";

/// Unpacking and mke2fs take 15 s on two cores; a slow disk may take its time.
const DISK_DEADLINE: Duration = Duration::from_secs(15 * 60);

/// What is made in the folder.
pub(super) const DISK: &str = "disk.raw";
pub(super) const KERNEL: &str = "vmlinuz";

/// The disk's identifier, "mesh", by which the kernel finds the partition without help: PARTUUID is this and the partition's number.
pub(super) const DISK_ID: u32 = 0x6d65_7368;

/// What sfdisk(8) reads: one partition, with all there is.
pub(super) fn partitions() -> String {
    format!("label: dos\nlabel-id: 0x{DISK_ID:08x}\nstart={PARTITION_MIB}MiB, type=83, bootable\n")
}

/// The call of mke2fs(8), to be run where `tree` and the disk are. `uuid` also seeds the directory hashes, so that nothing is random.
pub(super) fn mke2fs(uuid: &str) -> Vec<String> {
    let size = format!("{}M", DISK_MIB - PARTITION_MIB);
    let offset = PARTITION_MIB * 1024 * 1024;
    let extended = format!("offset={offset},lazy_itable_init=0,lazy_journal_init=0,hash_seed={uuid}");
    // Nothing lazy: a guest would otherwise write zeros to its overlay for minutes after its first boot. The file is sparse and stays so.
    // No reserved blocks: Docker is root, the reserve would only make the disk smaller.
    [
        "mke2fs", "-q", "-F", "-t", "ext4", "-L", DISK_LABEL, "-U", uuid, "-m", "0", "-E", &extended, "-d", "tree", DISK, &size,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// What the script gets.
pub(super) fn words(tar: &Path, folder: &Path, request: &BaseRequest, command: &[String]) -> Vec<OsString> {
    let packages = request.open_vswitch.as_deref().map(OsString::from).unwrap_or_default();
    let mut words: Vec<OsString> = vec![tar.into(), folder.into(), request.flavor.name().into(), packages];
    words.extend(command.iter().map(OsString::from));
    words
}

/// Makes disk and kernel in `folder` of the tar in it.
pub(super) fn make(folder: &Path, tar: &Path, request: &BaseRequest, uuid: &str) -> Result<(), ImageError> {
    mmdebstrap::run_script(folder, DISK_SCRIPT, &words(tar, folder, request, &mke2fs(uuid)), DISK_DEADLINE)?;
    Tool::new("sfdisk", DISK_DEADLINE)
        .arguments(["--quiet", "--no-reread", "--no-tell-kernel"])
        .argument(folder.join(DISK))
        .stdin(partitions())
        .environment("PATH", mmdebstrap::PATH)
        .run()?;
    Ok(())
}
