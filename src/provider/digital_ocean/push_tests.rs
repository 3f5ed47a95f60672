use super::*;
use crate::image::import::{Compression, DiskFormat};

fn of(path: &str) -> Push {
    Push {
        image: ImageFile {
            path: path.into(),
            format: DiskFormat::Raw,
            compression: Some(Compression::Gzip),
            bytes: 1,
            sha256: "0123456789abcdef".repeat(4),
        },
        name: "mesh".to_owned(),
        region: "ams3".parse().unwrap(),
        distribution: "Debian",
        tags: vec!["env:production".parse().unwrap()],
        import: Duration::from_secs(1),
        access: Access::Public,
    }
}

#[test]
fn a_key_is_the_same_for_the_same_file_and_ends_as_its_format_does() {
    let key = |path| of(path).key();
    assert_eq!(key("out/mesh.raw.gz"), "meshimg-image-push/0123456789abcdef/mesh.img.gz");
    // An object must not be called `..`, nor be somewhere else.
    assert_eq!(key("a/..gz"), "meshimg-image-push/0123456789abcdef/-.img.gz");
    assert_eq!(key("a/My mesh?.gz"), "meshimg-image-push/0123456789abcdef/My-mesh-.img.gz");
}

#[test]
fn what_is_asked_for() {
    let push = of("mesh.raw.gz");
    let call = import_image(&push, "https://images.example/mesh.img.gz?signed");
    assert!(!call.repeatable);
    assert_eq!(call.to_string(), "POST /v2/images for mesh");
    let wanted = serde_json::json!({
        "name": "mesh", "url": "https://images.example/mesh.img.gz?signed", "region": "ams3", "distribution": "Debian",
        "description": format!("meshimg {}, SHA-256 {}", env!("CARGO_PKG_VERSION"), push.image.sha256),
        "tags": ["meshimg:image:0123456789abcdef", "env:production"],
    });
    assert_eq!(call.body, Some(wanted));
    // No cluster can be called so, whose tag this would be.
    assert!(
        push.tag()
            .strip_prefix(OWN_TAG)
            .unwrap()
            .parse::<crate::spec::ClusterName>()
            .is_err()
    );
    assert!(push.tag().parse::<Tag>().is_ok());
}

#[test]
fn an_import_has_failed_when_it_says_why_or_is_gone() {
    let image = |status: &str, words: &str| -> Image {
        serde_json::from_value(json!({ "id": 1, "name": "mesh", "status": status, "error_message": words })).unwrap()
    };
    assert_eq!(failure(&image("NEW", "")), None);
    // The example of the API's specification.
    assert_eq!(failure(&image("pending", " ")), None);
    assert_eq!(failure(&image("NEW", "no ext4")), Some("it failed: no ext4".to_owned()));
    assert_eq!(
        failure(&image("deleted", "")),
        Some("it is deleted, and Digital Ocean does not say why".to_owned())
    );
}
