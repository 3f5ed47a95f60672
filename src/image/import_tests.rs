use std::io::Write;

use super::*;

/// The head of a disk: `bytes` at their places.
fn head(parts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut head = vec![0; 4096];
    for (place, bytes) in parts {
        head[*place..place + bytes.len()].copy_from_slice(bytes);
    }
    head
}

fn of(name: &str, bytes: &[u8]) -> Result<ImageFile, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let shown = |error: ImportError| error.to_string().replace(&format!("{}/", folder.path().display()), "");
    identify(&path).map_err(shown)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const BOOT: (usize, &[u8]) = (510, &[0x55, 0xaa]);

#[test]
fn formats_are_told_by_their_bytes_and_named_as_they_are_imported() {
    let extension = |name: &str, bytes: &[u8]| of(name, bytes).map(|image| image.extension());
    let qcow2 = head(&[(0, b"QFI\xfb"), (24, &(4_u64 << 30).to_be_bytes())]);
    let raw = head(&[BOOT]);
    assert_eq!(extension("a", &qcow2), Ok("qcow2".to_owned()));
    assert_eq!(extension("a", &head(&[(0, b"vhdxfile")])), Ok("vhdx".to_owned()));
    assert_eq!(extension("a", &head(&[(64, &[0x7f, 0x10, 0xda, 0xbe])])), Ok("vdi".to_owned()));
    assert_eq!(extension("a", &head(&[(0, b"KDMV")])), Ok("vmdk".to_owned()));
    assert_eq!(extension("a.raw", &raw), Ok("img".to_owned()));
    assert_eq!(extension("a.raw.gz", &gzip(&raw)), Ok("img.gz".to_owned()));
    assert_eq!(extension("a.gz", &gzip(&qcow2)), Ok("qcow2.gz".to_owned()));
    assert_eq!(extension("a.qcow2.bz2", b"BZh9"), Ok("qcow2.bz2".to_owned()));
    assert_eq!(extension("a.bz2", b"BZh9"), Ok("img.bz2".to_owned()));
}

#[test]
fn what_is_not_imported_is_refused() {
    let refused = |bytes: &[u8]| of("disk", bytes).unwrap_err();
    let formats = "; Digital Ocean imports raw, qcow2, vhdx, vdi and vmdk, plain or compressed by gzip or bzip2";
    assert_eq!(refused(b""), format!("disk: the file is empty{formats}"));
    assert!(refused(b"\xfd7zXZ\0...").starts_with("disk: the file is compressed by xz; unpack it: xz -d FILE; "));
    assert!(refused(b"\x28\xb5\x2f\xfd...").contains("compressed by zstd"));
    assert!(refused(b"# Disk DescriptorFile\n").contains("only names the files"));
    assert!(refused(&[0; 4096]).contains("neither a raw disk with a partition table"));
    assert!(refused(&gzip(&[0; 4096])).contains("neither a raw disk with a partition table"));
    let whole = gzip(&head(&[BOOT]));
    let cut = refused(&whole[..whole.len() - 9]);
    assert!(cut.starts_with("disk: the compressed file cannot be read to its end: "), "{cut}");
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(identify(folder.path()), Err(ImportError::NotAFile { .. })));
    assert!(matches!(identify(&folder.path().join("none")), Err(ImportError::Read { .. })));
}

#[test]
fn a_disk_of_100_gb_is_too_large() {
    let of_size = |size: u64| {
        let head = head(&[(0, b"QFI\xfb"), (24, &size.to_be_bytes())]);
        of("disk.qcow2", &head).map(|_| ())
    };
    assert_eq!(of_size(99_999_999_999), Ok(()));
    let error = of_size(100_000_000_000).unwrap_err();
    assert!(
        error.starts_with("disk.qcow2: the disk has 100000000000 bytes or more, and "),
        "{error}"
    );
    // Raw, by its length alone: a hole is not read to find that out.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.raw");
    std::fs::write(&path, head(&[BOOT])).unwrap();
    File::options().write(true).open(&path).unwrap().set_len(SIZE_LIMIT).unwrap();
    assert!(matches!(identify(&path), Err(ImportError::TooLarge { .. })));
}

#[test]
fn checksum_and_name_are_those_of_the_file() {
    let bytes = gzip(&head(&[BOOT]));
    let image = of("mesh.raw.gz", &bytes).unwrap();
    let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (image.bytes, &image.sha256, image.stem()),
        (bytes.len() as u64, &sum, "mesh".to_owned())
    );
    assert_eq!(of(".raw", &head(&[BOOT])).unwrap().stem(), ".raw");
    assert_eq!(of("debian-13.2", &head(&[BOOT])).unwrap().stem(), "debian-13.2");
}
