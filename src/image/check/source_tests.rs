use super::*;

fn info(json: &str) -> Info {
    serde_json::from_str(json).unwrap()
}

#[test]
fn arguments_of_qemu_img() {
    insta::assert_debug_snapshot!(info_arguments(Path::new("/x/a,b:c")), @r#"
    [
        "info",
        "--output=json",
        "--",
        "/x/a,b:c",
    ]
    "#);
    assert_eq!(
        check_arguments("qcow2", Path::new("/x/a")).join(" ".as_ref()),
        "check --output=json -f qcow2 -- /x/a"
    );
    insta::assert_debug_snapshot!(convert_arguments("qcow2", Path::new("/x/a"), Path::new("/t/b")), @r#"
    [
        "convert",
        "-f",
        "qcow2",
        "-O",
        "raw",
        "--",
        "/x/a",
        "/t/b",
    ]
    "#);
}

#[test]
fn an_image_that_reads_other_files_is_refused() {
    let image = Path::new("/x/a");
    let code = |json: &str| refused(&info(json), image).map(|finding| finding.code);
    assert_eq!(code(r#"{"format":"raw","virtual-size":1}"#), None);
    assert_eq!(
        code(r#"{"format":"qcow2","virtual-size":1,"backing-filename":"/etc/shadow","format-specific":{"data":{}}}"#),
        Some(Code::OtherFiles)
    );
    assert_eq!(
        code(r#"{"format":"qcow2","virtual-size":1,"format-specific":{"type":"qcow2","data":{"data-file":"b"}}}"#),
        Some(Code::OtherFiles)
    );
    let vmdk = |file: &str| {
        format!(r#"{{"format":"vmdk","virtual-size":1,"format-specific":{{"data":{{"extents":[{{"filename":"{file}"}}]}}}}}}"#)
    };
    assert_eq!(code(&vmdk("/x/a")), None);
    assert_eq!(code(&vmdk("/etc/shadow")), Some(Code::OtherFiles));
    assert_eq!(code(r#"{"format":"luks","virtual-size":1}"#), Some(Code::Encrypted));
    assert_eq!(
        code(r#"{"format":"qcow2","virtual-size":1,"encrypted":true}"#),
        Some(Code::Encrypted)
    );
}

#[test]
fn zeros_become_holes() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let mut bytes = vec![0; 4 << 20];
    bytes[3 << 20] = 7;
    bytes.truncate((3 << 20) + 10);
    let mut out = File::create(&path).unwrap();
    assert!(matches!(copy_sparse(&mut bytes.as_slice(), &mut out), Ok(size) if size == bytes.len() as u64));
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert!(path.metadata().unwrap().blocks() * 512 < 1 << 20);
}
