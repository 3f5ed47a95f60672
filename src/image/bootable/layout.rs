//! Where what lies on a bootable disk. Pure.
//!
//! A GUID partition table (UEFI Specification 2.10, chapter 5) with a partition for the rest of GRUB, which BIOS alone needs, one for UEFI, and the
//! root at the end, so that it can grow. Numbers as on Debian's own cloud images: the root is the first.

/// Bytes in a logical block.
pub const SECTOR: u64 = 512;

const MIB: u64 = 1024 * 1024;

/// The BIOS boot partition: from here, and this long, MiB.
pub const BIOS_BOOT_MIB: (u64, u64) = (1, 1);

/// The EFI system partition. Debian's loaders take 5 MiB, so there is room for what upgrades put beside them.
pub const ESP_MIB: (u64, u64) = (2, 62);

/// Where the root partition begins, MiB.
pub const ROOT_MIB: u64 = 64;

/// The disk, MiB; the file is sparse. Hosts have larger ones, on which the root grows at the first boot.
pub const DISK_MIB: u64 = 2048;

/// What is left free at the end for the second copy of the table, MiB.
const TAIL_MIB: u64 = 1;

/// The label of the root file system.
const ROOT_LABEL: &str = "root";

/// What tells one image from another, all of it derived from the image's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifiers {
    /// UUIDs as text.
    pub disk: String,
    pub root_partition: String,
    pub bios_partition: String,
    pub esp_partition: String,
    pub root: String,
    /// The serial number of the EFI system partition's file system.
    pub esp: u32,
}

impl Identifiers {
    /// The name of the EFI system partition's file system in fstab(5).
    pub fn esp_name(&self) -> String {
        format!("{:04X}-{:04X}", self.esp >> 16, self.esp & 0xffff)
    }
}

/// Byte at which a place of so many MiB begins.
pub fn bytes(mib: u64) -> u64 {
    mib * MIB
}

/// First logical block of a place of so many MiB.
pub fn sector(mib: u64) -> u64 {
    bytes(mib) / SECTOR
}

/// What sfdisk(8) reads.
pub fn partitions(ids: &Identifiers) -> String {
    let line = |number: u8, start: u64, size: u64, kind: &str, uuid: &str, name: &str| {
        let (start, size) = (sector(start), sector(size));
        format!("disk{number} : start={start}, size={size}, type={kind}, uuid={uuid}, name=\"{name}\"\n")
    };
    let root_size = DISK_MIB - ROOT_MIB - TAIL_MIB;
    let mut text = format!("label: gpt\nlabel-id: {}\nunit: sectors\nsector-size: {SECTOR}\n\n", ids.disk);
    // The types: Discoverable Partitions Specification (the root of x86-64), GRUB's manual (BIOS boot), UEFI's specification.
    text += &line(
        1,
        ROOT_MIB,
        root_size,
        "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
        &ids.root_partition,
        "root",
    );
    text += &line(
        14,
        BIOS_BOOT_MIB.0,
        BIOS_BOOT_MIB.1,
        "21686148-6449-6E6F-744E-656564454649",
        &ids.bios_partition,
        "bios-boot",
    );
    text + &line(
        15,
        ESP_MIB.0,
        ESP_MIB.1,
        "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
        &ids.esp_partition,
        "esp",
    )
}

/// The root file system, as programs of e2fsprogs name a part of a file.
pub fn root_file_system(disk: &str) -> String {
    format!("{disk}?offset={}", bytes(ROOT_MIB))
}

/// The call of mke2fs(8) that makes the root file system of the folder `tree` on `disk`. The UUID also seeds the directory hashes, so that
/// nothing is random.
pub fn mke2fs(disk: &str, uuid: &str) -> Vec<String> {
    let size = format!("{}M", DISK_MIB - ROOT_MIB - TAIL_MIB);
    // Nothing lazy: a host would otherwise write zeros for minutes after its first boot. The file is sparse and stays so.
    let extended = format!("offset={},lazy_itable_init=0,lazy_journal_init=0,hash_seed={uuid}", bytes(ROOT_MIB));
    [
        "mke2fs", "-q", "-F", "-t", "ext4", "-L", ROOT_LABEL, "-U", uuid, "-E", &extended, "-d", "tree", disk, &size,
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn identifiers() -> Identifiers {
        let uuid = |digit: &str| format!("{}-0000-8000-8000-000000000000", digit.repeat(8));
        Identifiers {
            disk: uuid("1"),
            root_partition: uuid("2"),
            bios_partition: uuid("3"),
            esp_partition: uuid("4"),
            root: uuid("5"),
            esp: 0x00ab_cdef,
        }
    }

    #[test]
    fn what_sfdisk_and_mke2fs_get() {
        insta::assert_snapshot!("partitions", partitions(&identifiers()));
        insta::assert_snapshot!("mke2fs", mke2fs("disk.raw", &identifiers().root).join("\n"));
        insta::assert_snapshot!(root_file_system("disk.raw"), @"disk.raw?offset=67108864");
        insta::assert_snapshot!(identifiers().esp_name(), @"00AB-CDEF");
    }

    #[test]
    fn partitions_follow_each_other() {
        assert_eq!(BIOS_BOOT_MIB.0 + BIOS_BOOT_MIB.1, ESP_MIB.0);
        assert_eq!(ESP_MIB.0 + ESP_MIB.1, ROOT_MIB);
    }
}
