//! What went over the links while something was tried, kept until it is known whether that failed.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::lab::Lab;
use crate::lab::captures::CaptureFile;
use crate::lab::switch::pcapng::Limits;
use crate::plan::Plan;

/// Links that are captured: those of eight hosts in full mesh. Each costs two threads and a file.
const LINKS_MAX: usize = 28;

/// Headers down to the transport's inside any tunnel over IPv6, and whole BFD and spanning tree packets; the bulk probe alone sends 64 MiB
/// over each link.
const LIMITS: Limits = Limits {
    frame_bytes: 256,
    file_bytes: 16 * 1024 * 1024,
};

/// Captures that go on. Dropped, they end and leave nothing.
#[derive(Debug)]
pub struct Recording {
    /// Before the folder, so that nobody writes to it when it goes.
    links: Vec<(String, Result<CaptureFile, String>)>,
    folder: Result<TempDir, String>,
}

impl Recording {
    /// Begins to capture every link of `plan`, up to the first 28.
    pub fn start(lab: &Lab, plan: &Plan) -> Self {
        let folder = tempfile::Builder::new().prefix("pcap-").tempdir_in(lab.folder());
        let folder = folder.map_err(|error| error.to_string());
        let mut links = Vec::new();
        for link in plan.links.iter().take(LINKS_MAX) {
            let name = link.name.to_string();
            let [a, b] = &link.hosts;
            let file = match &folder {
                Ok(folder) => lab
                    .capture_to_file(a.as_str(), b.as_str(), &path(folder, &name), LIMITS)
                    .map_err(|error| error.to_string()),
                Err(why) => Err(why.clone()),
            };
            links.push((name, file));
        }
        Self { links, folder }
    }

    /// Ends it: the captures, by their place in a bundle, or why there are none.
    pub fn finish(self) -> Vec<(String, Result<Vec<u8>, String>)> {
        let Self { links, folder } = self;
        let bytes = |name: &str, file: Result<CaptureFile, String>| {
            let folder = folder.as_ref().map_err(String::clone)?;
            file?.finish().map_err(|error| error.to_string())?;
            std::fs::read(path(folder, name)).map_err(|error| error.to_string())
        };
        links
            .into_iter()
            .map(|(name, file)| {
                let found = bytes(&name, file);
                (format!("pcap/{name}.pcapng"), found)
            })
            .collect()
    }
}

/// A link's name is an interface's, so it leads nowhere else.
fn path(folder: &TempDir, link: &str) -> PathBuf {
    folder.path().join(format!("{link}.pcapng"))
}
