//! The files that a host's user-data has cloud-init write: what the lint lays over the image.

use std::io::Read;

use base64::Engine;
use serde::Deserialize;

use crate::image::tree::{Laid, READ_MAX};

#[derive(Deserialize)]
struct CloudConfig {
    #[serde(default)]
    write_files: Vec<WriteFile>,
}

/// An item of write_files (cloud-init's reference, "Write Files").
#[derive(Deserialize)]
struct WriteFile {
    path: String,
    #[serde(default)]
    content: String,
    #[serde(default)]
    encoding: String,
    #[serde(default)]
    append: bool,
    permissions: Option<String>,
}

/// The files of a cloud-config, in their order.
///
/// # Errors
/// Why it is none, as a text.
pub fn files(text: &str) -> Result<Vec<Laid>, String> {
    if text.lines().next().map(str::trim_end) != Some("#cloud-config") {
        return Err("its first line is not #cloud-config".to_owned());
    }
    let config: CloudConfig = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    config.write_files.into_iter().map(laid).collect()
}

fn laid(file: WriteFile) -> Result<Laid, String> {
    let refused = |why: &str| format!("write_files: {}: {why}", file.path);
    if !file.path.starts_with('/') {
        return Err(refused("the path is not absolute"));
    }
    let is_packed = ["gz", "gzip", "gz+base64", "gzip+base64", "gz+b64", "gzip+b64"].contains(&file.encoding.as_str());
    let is_base64 = file.encoding.ends_with("b64") || file.encoding.ends_with("base64");
    let mut bytes = match is_base64 {
        true => {
            let text: String = file.content.split_whitespace().collect();
            base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|error| refused(&error.to_string()))?
        }
        false => file.content.clone().into_bytes(),
    };
    if is_packed {
        let mut unpacked = Vec::new();
        let decoder = flate2::read::MultiGzDecoder::new(bytes.as_slice());
        decoder
            .take(READ_MAX)
            .read_to_end(&mut unpacked)
            .map_err(|error| refused(&error.to_string()))?;
        bytes = unpacked;
    }
    let mode = file.permissions.as_deref().unwrap_or("0644");
    let mode = u16::from_str_radix(mode.trim_start_matches("0o"), 8).map_err(|_| refused("permissions are no octal number"))?;
    Ok(Laid {
        path: file.path,
        mode,
        bytes,
        append: file.append,
    })
}

#[cfg(test)]
#[path = "user_data_tests.rs"]
mod tests;
