//! `meshimg image push --dry-run`.

use serde::Serialize;

use super::super::{Format, output};
use crate::error::Error;
use crate::provider::digital_ocean::spaces::{Access, Leftover, Spaces};
use crate::provider::digital_ocean::{Call, Image, Push, import_image};

/// What would be sent, in its order.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Planned {
    /// The image that is there already; then nothing is sent.
    image: Option<u64>,
    /// Bytes of the file.
    bytes: u64,
    sha256: String,
    /// What earlier runs have left, and would be removed.
    left_over: Vec<String>,
    /// Where the file is for as long as the import takes.
    upload: String,
    /// Whether everybody can read it there who knows its URL.
    is_public: bool,
    import: Call,
}

/// Prints what would be sent, and sends nothing. `there`: the image that is there already.
pub fn print(format: Format, push: &Push, spaces: &Spaces, there: Option<&Image>, leftovers: &[Leftover]) -> Result<(), Error> {
    let key = push.key();
    let removed = leftovers.iter().filter(|leftover| leftover.key == key || leftover.is_stale());
    let upload = spaces.url(&key);
    let url = match push.access {
        Access::Public => upload.clone(),
        Access::Signed => format!("{upload}?(signed for {} min)", push.import.as_secs() / 60),
    };
    let planned = Planned {
        image: there.map(|image| image.id),
        bytes: push.image.bytes,
        sha256: push.image.sha256.clone(),
        left_over: removed.map(|leftover| spaces.name(&leftover.key)).collect(),
        import: import_image(push, &url),
        is_public: push.access == Access::Public,
        upload,
    };
    match format {
        Format::Json => output::print_json(&planned),
        Format::Text => output::print(&planned.text()),
    }
}

impl Planned {
    fn text(&self) -> String {
        let Self { bytes, upload, import, .. } = self;
        let access = if self.is_public { "public" } else { "private" };
        let mut text: String = self.left_over.iter().map(|name| format!("remove {name}\n")).collect();
        if let Some(image) = self.image {
            return text + &format!("nothing is sent: image {image} is of the same file\n");
        }
        let body = import.body.as_ref().map(ToString::to_string).unwrap_or_default();
        text += &format!("PUT {upload} ({bytes} bytes, {access})\n{import}\n  {body}\nDELETE {upload}\n");
        text
    }
}
