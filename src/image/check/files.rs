//! The files of an ext4 file system in a disk.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use ext4_view::{Ext4, Ext4Error, Ext4Read, FileType};

use crate::image::tree::{Entry, Kind, Tree};

/// An ext4 file system (ext2 and ext3 too), read in place.
pub struct Ext4Tree {
    volume: Ext4,
    /// What was at the paths that were asked for: each look walks through all folders above, and checks their checksums.
    known: RefCell<HashMap<String, Option<Entry>>>,
    /// The first error that was not "there is no such file".
    error: RefCell<Option<String>>,
}

/// A disk from some byte on.
struct From {
    file: File,
    start: u64,
}

impl Ext4Read for From {
    fn read(&mut self, start: u64, bytes: &mut [u8]) -> Result<(), Box<dyn std::error::Error + Send + Sync + 'static>> {
        let start = self.start.checked_add(start).ok_or("beyond all disks")?;
        self.file.seek(SeekFrom::Start(start))?;
        Ok(self.file.read_exact(bytes)?)
    }
}

impl Ext4Tree {
    /// The file system that begins at byte `start` of `raw`.
    ///
    /// # Errors
    /// What is wrong with it, as a text.
    pub fn open(raw: &Path, start: u64) -> Result<Self, String> {
        let file = File::open(raw).map_err(|error| error.to_string())?;
        let volume = Ext4::load(Box::new(From { file, start })).map_err(|error| error.to_string())?;
        Ok(Self {
            volume,
            known: RefCell::new(HashMap::new()),
            error: RefCell::new(None),
        })
    }

    /// What went wrong while files were read, if anything did.
    pub fn error(&self) -> Option<String> {
        self.error.borrow().clone()
    }

    fn look(&self, path: &str) -> Option<Entry> {
        let metadata = self.kept(path, self.volume.symlink_metadata(path))?;
        let kind = match metadata.file_type() {
            FileType::Regular => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => {
                let target = self.kept(path, self.volume.read_link(path))?;
                Kind::Link(String::from_utf8_lossy(target.as_ref()).into_owned())
            }
            _ => Kind::Other,
        };
        Some(Entry {
            kind,
            mode: metadata.mode() & 0o7777,
            size: metadata.len(),
        })
    }

    fn kept<T>(&self, path: &str, result: Result<T, Ext4Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Ext4Error::NotFound | Ext4Error::NotADirectory) => None,
            Err(error) => {
                self.error.borrow_mut().get_or_insert_with(|| format!("{path}: {error}"));
                None
            }
        }
    }
}

impl Tree for Ext4Tree {
    fn entry(&self, path: &str) -> Option<Entry> {
        if let Some(known) = self.known.borrow().get(path) {
            return known.clone();
        }
        let entry = self.look(path);
        self.known.borrow_mut().insert(path.to_owned(), entry.clone());
        entry
    }

    fn names(&self, path: &str) -> Vec<String> {
        // Of a folder alone: any other is no error of the file system.
        if !self.entry(path).is_some_and(|entry| entry.kind == Kind::Folder) {
            return Vec::new();
        }
        let Some(entries) = self.kept(path, self.volume.read_dir(path)) else {
            return Vec::new();
        };
        let entries = entries.map_while(|entry| self.kept(path, entry));
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().as_str().ok().map(str::to_owned))
            .collect();
        names.retain(|name| name != "." && name != "..");
        names.sort();
        names
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.kept(path, self.volume.read(path))
    }
}
