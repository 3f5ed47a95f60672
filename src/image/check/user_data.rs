//! What a host's user-data does to its boot, for the lint: the files that cloud-init writes, and the commands that it runs.

use std::io::Read;

use base64::Engine;
use serde::Deserialize;

use crate::image::lint::{Command, Stage, UserData};
use crate::image::tree::{Laid, READ_MAX};

#[derive(Deserialize)]
struct CloudConfig {
    #[serde(default)]
    write_files: Vec<WriteFile>,
    #[serde(default)]
    bootcmd: Vec<Item>,
    #[serde(default)]
    runcmd: Vec<Item>,
}

/// An item of bootcmd or runcmd: a text for the shell, or a program and its arguments.
#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Text(String),
    Words(Vec<serde_json::Value>),
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

/// The files and commands of a cloud-config, in their order.
///
/// # Errors
/// Why it is none, as a text.
pub fn read(text: &str) -> Result<UserData, String> {
    if text.lines().next().map(str::trim_end) != Some("#cloud-config") {
        return Err("its first line is not #cloud-config".to_owned());
    }
    let config: CloudConfig = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    let files = config.write_files.into_iter().map(laid).collect::<Result<_, _>>()?;
    let commands = [(Stage::Network, config.bootcmd), (Stage::Final, config.runcmd)];
    let commands = commands
        .into_iter()
        .flat_map(|(stage, items)| items.into_iter().map(move |item| command(stage, item)));
    Ok(UserData {
        files,
        commands: commands.collect(),
    })
}

fn command(stage: Stage, item: Item) -> Command {
    let words = match item {
        Item::Text(text) => vec!["sh".to_owned(), "-c".to_owned(), text],
        // Numbers and the like become words as they are written.
        Item::Words(words) => words
            .iter()
            .map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned))
            .collect(),
    };
    Command { stage, words }
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
