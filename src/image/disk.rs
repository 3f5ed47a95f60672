//! From mmdebstrap's tar to a disk with an ext4 partition, and its kernel.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::ImageError;
use super::base::Flavor;
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

/// The call of unshare(1) that runs `script` as root over a mount namespace of its own. Debian's unshare maps all subordinate ids with
/// `--map-auto` (util-linux 2.38); for root there is nothing to map.
pub(super) fn unshare(is_root: bool, script: &Path, tar: &Path, folder: &Path, flavor: Flavor, command: &[String]) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--mount".into(), "--propagation=private".into()];
    if !is_root {
        arguments.extend(["--map-root-user".into(), "--map-auto".into()]);
    }
    arguments.extend(["--".into(), "sh".into(), "-eu".into(), script.into(), tar.into(), folder.into()]);
    arguments.push(flavor.name().into());
    arguments.extend(command.iter().map(OsString::from));
    arguments
}

/// Makes disk and kernel in `folder` of the tar in it.
pub(super) fn make(folder: &Path, tar: &Path, flavor: Flavor, uuid: &str) -> Result<(), ImageError> {
    let script = folder.join("disk.sh");
    super::write(&script, DISK_SCRIPT)?;
    let is_root = rustix::process::geteuid().is_root();
    Tool::new("unshare", DISK_DEADLINE)
        .arguments(unshare(is_root, &script, tar, folder, flavor, &mke2fs(uuid)))
        // An ordinary user's PATH lacks mke2fs, and root's may be anything.
        .environment("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .run()?;
    super::remove(&script)?;
    Tool::new("sfdisk", DISK_DEADLINE)
        .arguments(["--quiet", "--no-reread", "--no-tell-kernel"])
        .argument(folder.join(DISK))
        .stdin(partitions())
        .environment("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .run()?;
    // The mount point that the namespace left behind.
    std::fs::remove_dir(folder.join("tree")).map_err(|source| ImageError::file(&folder.join("tree"), source))
}
