//! A local image to a custom image: sent to Spaces for a while, and imported from there by its URL, as the API takes nothing but a URL.

use std::cell::Cell;
use std::time::{Duration, Instant};

use serde_json::json;

use super::calls::{Call, post};
use super::client::Client;
use super::error::ApiError;
use super::spaces::{Access, AddressError, KeysError, PREFIX, Spaces, SpacesError, Upload};
use super::types::{Image, ImageAnswer, Region};
use crate::exec::interrupt;
use crate::image::import::{ImageFile, ImportError};
use crate::spec::{OWN_TAG, Slug, Tag};
use crate::ui::{Progress, Ui};
use crate::wait::{Look, WaitError};

/// What the API knows by name; anything else becomes Unknown.
pub const DISTRIBUTIONS: [&str; 13] = [
    "Arch Linux",
    "CentOS",
    "CoreOS",
    "Debian",
    "Fedora",
    "Fedora Atomic",
    "FreeBSD",
    "Gentoo",
    "openSUSE",
    "RancherOS",
    "Rocky Linux",
    "Ubuntu",
    "Unknown",
];

/// Times that an import is asked for, when it is not known what became of the time before.
const TRIES: usize = 3;

/// What is to be made of which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    pub image: ImageFile,
    /// What the image is to be called.
    pub name: String,
    /// Where droplets are to be made of it.
    pub region: Slug,
    /// One of [`DISTRIBUTIONS`].
    pub distribution: &'static str,
    /// Besides our own.
    pub tags: Vec<Tag>,
    /// How long the import may take, and as long is a signed URL good: minutes as a rule.
    pub import: Duration,
    /// Who reads the upload while it is imported.
    pub access: Access,
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    #[error(transparent)]
    File(#[from] ImportError),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Spaces(#[from] SpacesError),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Wait(#[from] WaitError),
    #[error("there is no region {region} at Digital Ocean, or it takes nothing new now; there are: {known}")]
    Region { region: Slug, known: String },
    #[error("{cause}\nbesides, this is left and could not be removed:\n  {}", left.join("\n  "))]
    Left { cause: Box<PushError>, left: Vec<String> },
    /// There is an image all the same.
    #[error("the image is there, but its upload could not be removed:\n  {left}\nremove it, or run the same again, which does")]
    StillThere { left: String },
}

/// What there is now.
#[derive(Debug)]
pub struct Pushed {
    pub image: Image,
    /// Whether it was there before.
    pub was_there: bool,
    /// The upload, where it could not be removed, and why.
    pub left: Option<String>,
}

impl Push {
    /// The object's key: the same for the same file, so that the next run finds what an interrupted one has left.
    pub fn key(&self) -> String {
        let legal = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
        let name: String = self.image.stem().chars().map(legal).take(100).collect();
        format!("{PREFIX}{}/{name}.{}", self.mark(), self.image.extension())
    }

    /// The tag by which an image of the same file is found. No cluster has such a tag: their names have no ':'.
    pub fn tag(&self) -> String {
        format!("{OWN_TAG}image:{}", self.mark())
    }

    /// What tells one file from another.
    fn mark(&self) -> &str {
        self.image.sha256.get(..16).unwrap_or(&self.image.sha256)
    }
}

/// Asks for the import of what is at `url`.
pub fn import_image(push: &Push, url: &str) -> Call {
    let tags: Vec<String> = std::iter::once(push.tag()).chain(push.tags.iter().map(Tag::to_string)).collect();
    let body = json!({
        "name": push.name,
        "url": url,
        "region": push.region,
        "distribution": push.distribution,
        "description": format!("meshimg {}, SHA-256 {}", env!("CARGO_PKG_VERSION"), push.image.sha256),
        "tags": tags,
    });
    // Two of one name are possible.
    post("/v2/images", body, &push.name, false)
}

/// The image of this file and name in this region that is there already, or is being imported.
///
/// # Errors
/// [`PushError::Region`] where there is no such region, and [`ApiError`].
pub fn find(client: &Client, push: &Push) -> Result<Option<Image>, PushError> {
    let regions: Vec<Region> = client.list(None)?;
    let known = regions.iter().filter(|region| region.available).map(|region| region.slug.as_str());
    let known: Vec<&str> = known.collect();
    if !known.contains(&push.region.as_str()) {
        return Err(PushError::Region {
            region: push.region.clone(),
            known: known.join(", "),
        });
    }
    Ok(own(client, push)?.into_iter().find(|image| failure(image).is_none()))
}

fn own(client: &Client, push: &Push) -> Result<Vec<Image>, ApiError> {
    let mut images: Vec<Image> = client.list(Some(&format!("tag_name={}", push.tag())))?;
    let region = push.region.as_str();
    // Its regions are not told before it is available.
    images.retain(|image| image.name == push.name && (image.regions.is_empty() || image.regions.iter().any(|own| own == region)));
    Ok(images)
}

/// Why an import has come to nothing, if so.
fn failure(image: &Image) -> Option<String> {
    let words = image.error_message.trim();
    match image.status.as_str() {
        _ if !words.is_empty() => Some(format!("it failed: {words}")),
        "deleted" | "retired" => Some(format!("it is {}, and Digital Ocean does not say why", image.status)),
        _ => None,
    }
}

/// Sends the file, has it imported, waits until droplets can be made of it, and removes what was sent, whatever came of it. `there`: what [`find`] has found;
/// then nothing is sent. An import that fails leaves no image.
///
/// # Errors
/// [`PushError`].
pub fn push(client: &Client, spaces: &Spaces, push: &Push, there: Option<Image>, ui: &Ui) -> Result<Pushed, PushError> {
    let upload = Upload::new(spaces, push.key(), push.access);
    let name = upload.name();
    let was_there = there.is_some();
    let result = match there {
        // Its import may have been begun by a run that was interrupted.
        Some(image) => finish(client, spaces, push, image, ui),
        None => send(&upload, push, ui).and_then(|()| import(client, spaces, push, &upload, ui)),
    };
    let removed = upload.remove().map_err(|error| format!("{name}: {error}"));
    match (result, removed) {
        (Ok(image), removed) => Ok(Pushed {
            image,
            was_there,
            left: removed.err(),
        }),
        (Err(cause), Ok(())) => Err(cause),
        (Err(PushError::Left { cause, mut left }), Err(upload)) => {
            left.push(upload);
            Err(PushError::Left { cause, left })
        }
        (Err(cause), Err(upload)) => Err(PushError::Left {
            cause: Box::new(cause),
            left: vec![upload],
        }),
    }
}

fn send(upload: &Upload<'_>, push: &Push, ui: &Ui) -> Result<(), PushError> {
    let (bytes, name) = (push.image.bytes, push.name.as_str());
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let progress = Progress::new(ui, &[name], bytes, Instant::now());
    let quarter = Cell::new(0);
    let there = |sent: u64| {
        let now = sent.saturating_mul(4) / bytes.max(1);
        let is_new = quarter.replace(now) != now;
        progress.reached(
            &format!("{} of {} MiB sent", mib(sent), mib(bytes)),
            &[(name, sent)],
            is_new && sent < bytes,
        );
    };
    let what = format!("upload {} MiB to {}", mib(bytes), upload.name());
    Ok(ui.step(&what, || upload.put(&push.image.path, bytes, &there))?)
}

fn import(client: &Client, spaces: &Spaces, push: &Push, upload: &Upload<'_>, ui: &Ui) -> Result<Image, PushError> {
    let call = import_image(push, &upload.url(push.import));
    match create(client, push, &call) {
        Ok(image) => finish(client, spaces, push, image, ui),
        // A refusal makes nothing.
        Err(PushError::Api(error @ (ApiError::Refused { .. } | ApiError::Deadline { .. }))) => Err(hidden(spaces, error).into()),
        Err(PushError::Api(error)) => Err(discard(client, push, hidden(spaces, error).into())),
        Err(error) => Err(discard(client, push, error)),
    }
}

/// Asks once, and again only when there is nothing of the time before.
fn create(client: &Client, push: &Push, call: &Call) -> Result<Image, PushError> {
    let mut tries = 1;
    loop {
        match client.call::<ImageAnswer>(call) {
            Ok(answer) => return Ok(answer.image),
            Err(error @ ApiError::Uncertain { .. }) => match appears(client, push)? {
                Some(image) => return Ok(image),
                None if tries < TRIES => tries += 1,
                None => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        }
    }
}

fn appears(client: &Client, push: &Push) -> Result<Option<Image>, PushError> {
    let look = || match own(client, push)?.into_iter().next() {
        Some(image) => Ok(Look::Ready(image)),
        None => Ok(Look::Pending("it is not there".to_owned())),
    };
    match client.wait_for::<Image, PushError>(&push.name, client.timing.appear, look) {
        Ok(image) => Ok(Some(image)),
        Err(PushError::Wait(WaitError::Deadline { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Waits for the end of an import; one that fails leaves nothing.
fn finish(client: &Client, spaces: &Spaces, push: &Push, image: Image, ui: &Ui) -> Result<Image, PushError> {
    let id = image.id;
    let what = format!("import of {} by Digital Ocean (image {id})", push.name);
    let mut first = Some(image);
    let look = || {
        let image = match first.take() {
            Some(image) => image,
            None => match client.call::<ImageAnswer>(&Call::get(format!("/v2/images/{id}"))) {
                Ok(answer) => answer.image,
                Err(ApiError::Refused { status: 404, .. }) => return Ok(Look::Gone("it is not there any more".to_owned())),
                Err(error) => return Err(error),
            },
        };
        Ok(match failure(&image) {
            Some(why) => Look::Gone(spaces.hide(&why) + signed_help(push)),
            None if image.status == "available" => Look::Ready(image),
            None => Look::Pending(format!("status {}", image.status)),
        })
    };
    let result = ui.step(&what, || client.wait_for::<Image, PushError>(&what, push.import, look));
    result.map_err(|error| discard(client, push, error))
}

/// Digital Ocean's importer asks by HEAD too, and wants a URL that ends with the file's name: what others saw fail with signed ones.
fn signed_help(push: &Push) -> &'static str {
    match push.access {
        Access::Public => "",
        Access::Signed => "; it may be the signed URL that it does not take: try without --private",
    }
}

/// The error, after the image that did not come to be was destroyed; with what is left of it.
fn discard(client: &Client, push: &Push, cause: PushError) -> PushError {
    let _shield = interrupt::shield();
    let mut left = Vec::new();
    match own(client, push) {
        Err(error) => left.push(format!("the image {}, if there is one: {error}", push.name)),
        Ok(images) => {
            for image in images
                .iter()
                .filter(|image| !matches!(image.status.as_str(), "available" | "deleted" | "retired"))
            {
                match client.text(&Call::delete(format!("/v2/images/{}", image.id), push.name.as_str())) {
                    Ok(_) | Err(ApiError::Refused { status: 404, .. }) => {}
                    Err(error) => left.push(format!("image {}: {error}", image.id)),
                }
            }
        }
    }
    match left.is_empty() {
        true => cause,
        false => PushError::Left {
            cause: Box::new(cause),
            left,
        },
    }
}

/// The error without the URL that was signed, should the API have said it back.
fn hidden(spaces: &Spaces, error: ApiError) -> ApiError {
    match error {
        ApiError::Refused { call, status, message } => ApiError::Refused {
            call,
            status,
            message: spaces.hide(&message),
        },
        ApiError::Deadline { call, deadline, last } => ApiError::Deadline {
            call,
            deadline,
            last: spaces.hide(&last),
        },
        ApiError::Uncertain { call, why } => ApiError::Uncertain {
            call,
            why: spaces.hide(&why),
        },
        ApiError::Nonsense { call, why } => ApiError::Nonsense {
            call,
            why: spaces.hide(&why),
        },
        other => other,
    }
}

#[cfg(test)]
#[path = "push_tests.rs"]
mod tests;
