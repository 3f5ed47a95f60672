//! A local image to a custom image; whatever comes of it, nothing is left in the bucket.

use std::path::Path;
use std::time::Duration;

use meshimg::image::import::identify;
use meshimg::provider::digital_ocean::spaces::{Access, Limits};
use meshimg::provider::digital_ocean::{Push, Pushed, find, push};
use meshimg::ui::Ui;

use super::fake::Fake;
use super::spaces::{FakeSpaces, KEY_ID, SECRET, limits};
use super::{TOKEN, client, timing};

/// A raw disk of so many MiB, no two of which are alike.
pub fn disk(mebibytes: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..mebibytes << 20)
        .map(|place| (place >> 20) as u8 ^ (place * 7 + (place >> 9)) as u8)
        .collect();
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    bytes
}

pub struct Place {
    pub fake: Fake,
    pub spaces: FakeSpaces,
    folder: tempfile::TempDir,
    bytes: Vec<u8>,
    /// How long an import may take.
    pub import: Duration,
    pub limits: Limits,
    pub access: Access,
}

impl Place {
    pub fn new(mebibytes: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = disk(mebibytes);
        std::fs::write(folder.path().join("mesh.raw"), &bytes).expect("the image can be written");
        Self {
            fake: Fake::start(),
            spaces: FakeSpaces::start(),
            folder,
            bytes,
            import: Duration::from_secs(2),
            limits: limits(),
            access: Access::Public,
        }
    }

    pub fn wanted(&self) -> Push {
        Push {
            image: identify(&self.folder.path().join("mesh.raw")).expect("an image"),
            name: "mesh".to_owned(),
            region: "ams3".parse().expect("a slug"),
            distribution: "Debian",
            tags: vec!["env:production".parse().expect("a tag")],
            import: self.import,
            access: self.access,
        }
    }

    /// One run. Errors must not tell what is secret.
    pub fn push(&self) -> Result<Pushed, String> {
        let (client, spaces) = (client(&self.fake, timing()), self.spaces.client(timing(), self.limits));
        let wanted = self.wanted();
        let result = find(&client, &wanted).and_then(|there| push(&client, &spaces, &wanted, there, &Ui::silent()));
        result.map_err(|error| {
            let (shown, debugged) = (error.to_string(), format!("{error:?}"));
            for secret in [TOKEN, SECRET, KEY_ID, "X-Amz-Signature"] {
                assert!(!shown.contains(secret) && !debugged.contains(secret), "{shown}\n{debugged}");
            }
            shown
        })
    }

    /// One image, byte by byte that of the file, and nothing in the bucket.
    pub fn assert_pushed(&self) {
        let pushed = self.push().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(pushed.left, None);
        self.assert_one();
    }

    pub fn assert_one(&self) {
        let state = self.fake.state();
        assert_eq!(state.images.there.len(), 1);
        assert!(state.images.there.values().all(|image| image.bytes.as_ref() == Some(&self.bytes)));
        drop(state);
        assert_eq!(self.spaces.names(), Vec::<String>::new());
        self.fake.check();
    }

    /// Neither an image, nor anything in the bucket.
    pub fn assert_nothing(&self) {
        assert!(self.fake.state().images.there.is_empty());
        assert_eq!(self.spaces.names(), Vec::<String>::new());
        self.fake.check();
    }
}

#[test]
fn a_small_file_is_sent_at_once() {
    let place = Place::new(1);
    place.assert_pushed();
    let key = place.wanted().key();
    assert_eq!(
        place.spaces.store().lines,
        [
            format!("PUT {key}"),
            format!("HEAD {key}"),
            // By the importer, which has the URL alone.
            format!("HEAD {key}"),
            format!("GET {key}"),
            "GET ?uploads".to_owned(),
            format!("DELETE {key}"),
        ]
    );
    let state = place.fake.state();
    let wanted = &state.images.there.values().next().expect("one").wanted;
    assert_eq!(wanted["tags"], serde_json::json!([place.wanted().tag(), "env:production"]));
    assert_eq!(wanted["url"], format!("{}/my-images/{key}", place.spaces.address()));
}

/// Whether in parts or not; an importer that is as the real one is said to be does not take it.
#[test]
fn a_private_upload_is_read_by_a_signed_url_alone() {
    for mebibytes in [1, 6] {
        let mut place = Place::new(mebibytes);
        place.access = Access::Signed;
        place.fake.state().images.takes_signed = true;
        place.assert_pushed();
        let state = place.fake.state();
        let url = state.images.there.values().next().expect("one").wanted["url"].clone();
        let url = url.as_str().expect("a URL");
        assert!(
            url.contains(&format!("{}?X-Amz-", place.wanted().key())) && url.contains("&X-Amz-Expires=2&"),
            "{url}"
        );
    }
    let mut place = Place::new(1);
    place.access = Access::Signed;
    place.fake.state().images.fails = Some("no ext4 file system at URL");
    let error = place.push().unwrap_err();
    assert!(error.contains("/mesh.img?***"), "what makes the URL a key is not told: {error}");
    let mut place = Place::new(1);
    place.access = Access::Signed;
    let error = place.push().unwrap_err();
    assert!(
        error.ends_with("403 to HEAD; it may be the signed URL that it does not take: try without --private"),
        "{error}"
    );
}

#[test]
fn a_large_file_is_sent_in_parts() {
    let place = Place::new(12);
    place.assert_pushed();
    let key = place.wanted().key();
    let count = |line: &str| place.spaces.count(&line.replace("KEY", &key));
    assert_eq!(
        (count("POST KEY?uploads"), count("PUT KEY?partNumber"), count("POST KEY?uploadId")),
        (1, 3, 1)
    );
}

/// What has the size of a part to the byte needs no second one.
#[test]
fn the_edge_of_a_part() {
    for mebibytes in [5, 10] {
        let place = Place::new(mebibytes);
        place.assert_pushed();
        assert_eq!(place.spaces.count("PUT "), mebibytes / 5);
    }
}

#[test]
fn the_same_again_sends_nothing() {
    let place = Place::new(1);
    place.assert_pushed();
    let again = place.push().unwrap_or_else(|error| panic!("{error}"));
    assert!(again.was_there);
    assert_eq!((place.spaces.count("PUT "), place.fake.count("POST /v2/images")), (1, 1));
    place.assert_one();
}

/// S3 says 200 before it knows what comes of putting parts together.
#[test]
fn an_import_that_fails_is_told_in_the_apis_words_and_leaves_nothing() {
    let place = Place::new(1);
    place.fake.state().images.fails = Some("no ext4 file system at URL");
    let key = place.wanted().key();
    let error = place.push().unwrap_err();
    assert_eq!(
        error,
        format!(
            "import of mesh by Digital Ocean (image 38413969): it failed: no ext4 file system at {}/my-images/{key}",
            place.spaces.address()
        )
    );
    // As at the real one the image is there as deleted; nothing is to be destroyed.
    place.fake.state().images.there.clear();
    place.assert_nothing();
}

#[test]
fn an_import_that_never_ends_is_given_up_and_destroyed() {
    let mut place = Place::new(1);
    place.import = Duration::from_secs(1);
    place.fake.state().images.never = true;
    let error = place.push().unwrap_err();
    assert!(error.ends_with("not within 1 s; last seen: status NEW"), "{error}");
    place.assert_nothing();
}

/// The classic double create.
/// What is left is named, and the next run removes it.
/// As after a power cut in the middle of the parts.
#[test]
fn what_an_interrupted_run_has_left_is_gone_after_the_next_one() {
    let place = Place::new(6);
    let key = place.wanted().key();
    let begun = (key.clone(), [(1, vec![0; 5 << 20])].into(), "2026-11-01T12:00:00Z".to_owned());
    place.spaces.store().uploads.insert("2~old".to_owned(), begun);
    place
        .spaces
        .store()
        .objects
        .insert(key, (b"half of it".to_vec(), "2026-11-01T12:00:00Z".to_owned()));
    place.assert_pushed();
}

/// Of a file that is cut while it is sent, no image is made.
#[test]
fn a_file_that_changes_is_no_image() {
    let place = Place::new(6);
    let wanted = place.wanted();
    std::fs::write(place.folder.path().join("mesh.raw"), disk(5)).expect("the image can be cut");
    let (client, spaces) = (client(&place.fake, timing()), place.spaces.client(timing(), limits()));
    let error = push(&client, &spaces, &wanted, None, &Ui::silent()).unwrap_err().to_string();
    assert!(error.ends_with("it must not change while it is sent"), "{error}");
    place.assert_nothing();
}

#[test]
fn a_region_that_is_not_there_is_told_before_anything_is_sent() {
    let place = Place::new(1);
    let wanted = Push {
        region: "nyc9".parse().expect("a slug"),
        ..place.wanted()
    };
    let error = find(&client(&place.fake, timing()), &wanted).unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no region nyc9 at Digital Ocean, or it takes nothing new now; there are: ams3, fra1"
    );
    assert!(place.spaces.store().lines.is_empty());
}

/// Other regions, other names and other files are other images.
#[test]
fn only_the_same_file_under_the_same_name_is_the_same_image() {
    let place = Place::new(1);
    place.assert_pushed();
    let client = client(&place.fake, timing());
    let found = |wanted: &Push| find(&client, wanted).unwrap_or_else(|error| panic!("{error}")).is_some();
    let same = place.wanted();
    let with = |name: &str, region: &str| Push {
        name: name.to_owned(),
        region: region.parse().expect("a slug"),
        ..same.clone()
    };
    assert_eq!(
        (found(&same), found(&with("mesh2", "ams3")), found(&with("mesh", "fra1"))),
        (true, false, false)
    );
    let mut other = same;
    other.image.sha256 = "0".repeat(64);
    assert!(!found(&other));
    let path: &Path = &other.image.path;
    assert!(path.exists(), "the image itself is never touched");
}
