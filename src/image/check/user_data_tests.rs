use super::*;

#[test]
fn files_are_decoded() {
    let text = "#cloud-config\nhostname: x\nwrite_files:\n- {path: /a, content: b, permissions: '0755'}\n\
                - {path: /c, encoding: b64, content: aGVs\u{20}bG8=, append: true}\n\
                - {path: /d, encoding: gz+b64, content: H4sIAAAAAAACA8tIzcnJBwCGphA2BQAAAA==}\n";
    let files = read(text).unwrap().files;
    let shown: Vec<(&str, u16, &[u8], bool)> = files
        .iter()
        .map(|file| (file.path.as_str(), file.mode, file.bytes.as_slice(), file.append))
        .collect();
    assert_eq!(
        shown,
        [
            ("/a", 0o755, b"b".as_slice(), false),
            ("/c", 0o644, b"hello", true),
            ("/d", 0o644, b"hello", false)
        ]
    );
}

#[test]
fn what_is_no_cloud_config_is_refused() {
    for (text, why) in [
        ("", "#cloud-config"),
        ("#!/bin/sh\n", "#cloud-config"),
        ("#cloud-config\nwrite_files: 1\n", ""),
        ("#cloud-config\nwrite_files: [{path: a}]\n", "absolute"),
        ("#cloud-config\nwrite_files: [{path: /a, permissions: rwx}]\n", "octal"),
        (
            "#cloud-config\nwrite_files: [{path: /a, encoding: gz+b64, content: aGVsbG8=}]\n",
            "/a",
        ),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}
