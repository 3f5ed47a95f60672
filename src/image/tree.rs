//! The files of an operating system that does not run: in an image, in a folder, or as they will be once more files are laid over them.
//! Links are followed within the tree, as its own kernel would, and never into the machine that looks.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
    /// A symbolic link and its target, as it is written.
    Link(String),
    /// Devices, sockets and pipes.
    Other,
}

/// A file, folder or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub kind: Kind,
    /// Permission bits.
    pub mode: u16,
    /// Bytes.
    pub size: u64,
}

/// The largest file that is read, bytes: scripts, units and lists are far smaller. What is larger counts as empty.
pub const READ_MAX: u64 = 16 * 1024 * 1024;

/// How many links may lead to a file, as Linux has it (path_resolution(7)).
const LINKS_MAX: usize = 40;

/// Where files come from. Paths are absolute, without `.` and `..`, and none of their folders is a link; names that are not UTF-8 do not
/// exist.
pub trait Tree {
    /// What is at `path`; a link is not followed.
    fn entry(&self, path: &str) -> Option<Entry>;
    /// The names in the folder at `path`, sorted; none if it is no folder.
    fn names(&self, path: &str) -> Vec<String>;
    /// The bytes of the file at `path`.
    fn bytes(&self, path: &str) -> Option<Vec<u8>>;
}

/// A tree, looked at as from within it.
#[derive(Clone, Copy)]
pub struct Root<'a>(pub &'a dyn Tree);

impl Root<'_> {
    /// Where `path` leads: all links followed. None if there is nothing.
    pub fn resolve(&self, path: &str) -> Option<String> {
        let (place, is_there) = self.follow(path, true);
        is_there.then_some(place)
    }

    /// Where a file written to `path` would come to lie, be it there or not.
    pub fn place(&self, path: &str) -> String {
        self.follow(path, true).0
    }

    /// `path` with the links in its folders followed, and in the end if `last`; whether it is there.
    fn follow(&self, path: &str, last: bool) -> (String, bool) {
        let mut left: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut done = String::new();
        let mut links = 0;
        let mut is_there = true;
        while let Some(name) = left.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    done.truncate(done.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let here = format!("{done}/{name}");
            match self.0.entry(&here).map(|entry| entry.kind) {
                Some(Kind::Link(target)) if last || left.iter().any(|name| !name.is_empty()) => {
                    links += 1;
                    if links > LINKS_MAX {
                        return (here, false);
                    }
                    if target.starts_with('/') {
                        done.clear();
                    }
                    left.extend(target.split('/').rev().map(str::to_owned));
                }
                Some(_) => done = here,
                None => {
                    is_there = false;
                    done = here;
                }
            }
        }
        let place = if done.is_empty() { "/".to_owned() } else { done };
        (place, is_there)
    }

    /// What is at `path` when links are followed.
    pub fn entry(&self, path: &str) -> Option<Entry> {
        self.0.entry(&self.resolve(path)?)
    }

    /// What is at `path` itself, a link or not.
    pub fn entry_itself(&self, path: &str) -> Option<Entry> {
        let (place, is_there) = self.follow(path, false);
        if is_there { self.0.entry(&place) } else { None }
    }

    pub fn exists(&self, path: &str) -> bool {
        self.entry(path).is_some()
    }

    pub fn is_file(&self, path: &str) -> bool {
        self.entry(path).is_some_and(|entry| entry.kind == Kind::File)
    }

    /// Names in a folder, sorted; none if it is not there.
    pub fn names(&self, path: &str) -> Vec<String> {
        self.resolve(path).map(|path| self.0.names(&path)).unwrap_or_default()
    }

    /// A file's bytes; none if it is no file or has more than [`READ_MAX`].
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let path = self.resolve(path)?;
        let entry = self.0.entry(&path)?;
        (entry.kind == Kind::File && entry.size <= READ_MAX).then(|| self.0.bytes(&path))?
    }

    /// A file's text; what is not UTF-8 is replaced.
    pub fn text(&self, path: &str) -> Option<String> {
        Some(String::from_utf8_lossy(&self.bytes(path)?).into_owned())
    }

    /// The text of a file, empty if there is none.
    pub fn text_or_empty(&self, path: &str) -> String {
        self.text(path).unwrap_or_default()
    }
}

/// A folder of this machine as a tree.
#[derive(Debug, Clone)]
pub struct Folder(pub PathBuf);

impl Folder {
    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }
}

impl Tree for Folder {
    fn entry(&self, path: &str) -> Option<Entry> {
        let path = self.at(path);
        let metadata = path.symlink_metadata().ok()?;
        let kind = if metadata.is_symlink() {
            Kind::Link(String::from_utf8_lossy(path.read_link().ok()?.as_os_str().as_bytes()).into_owned())
        } else if metadata.is_dir() {
            Kind::Folder
        } else if metadata.is_file() {
            Kind::File
        } else {
            Kind::Other
        };
        Some(Entry {
            kind,
            mode: (metadata.permissions().mode() & 0o7777) as u16,
            size: metadata.len(),
        })
    }

    fn names(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.at(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.at(path)).ok()
    }
}

/// A file to lay over a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Laid {
    /// Absolute.
    pub path: String,
    pub mode: u16,
    pub bytes: Vec<u8>,
    /// Whether the bytes go behind what is there.
    pub append: bool,
}

/// A tree with files laid over it.
pub struct Overlay<'a> {
    base: &'a dyn Tree,
    files: BTreeMap<String, (u16, Vec<u8>)>,
}

impl<'a> Overlay<'a> {
    /// `base` as it is once `files` are written in this order.
    pub fn new(base: &'a dyn Tree, files: &[Laid]) -> Self {
        let mut overlay = Self {
            base,
            files: BTreeMap::new(),
        };
        for file in files {
            let root = Root(&overlay);
            let place = root.place(&file.path);
            let mut bytes = if file.append {
                root.bytes(&place).unwrap_or_default()
            } else {
                Vec::new()
            };
            bytes.extend_from_slice(&file.bytes);
            overlay.files.insert(place, (file.mode, bytes));
        }
        overlay
    }

    /// The files below the folder `path`.
    fn below<'b>(&'b self, path: &'b str) -> impl Iterator<Item = &'b str> {
        let prefix = path.trim_end_matches('/');
        let paths = self.files.keys().filter_map(move |file| file.strip_prefix(prefix));
        paths.filter_map(|rest| rest.strip_prefix('/'))
    }
}

impl Tree for Overlay<'_> {
    fn entry(&self, path: &str) -> Option<Entry> {
        if let Some((mode, bytes)) = self.files.get(path) {
            let size = bytes.len() as u64;
            return Some(Entry {
                kind: Kind::File,
                mode: *mode,
                size,
            });
        }
        let made = || {
            self.below(path).next().map(|_| Entry {
                kind: Kind::Folder,
                mode: 0o755,
                size: 0,
            })
        };
        self.base.entry(path).or_else(made)
    }

    fn names(&self, path: &str) -> Vec<String> {
        let mut names: BTreeSet<String> = self.base.names(path).into_iter().collect();
        names.extend(self.below(path).filter_map(|rest| rest.split('/').next()).map(str::to_owned));
        names.into_iter().collect()
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        match self.files.get(path) {
            Some((_, bytes)) => Some(bytes.clone()),
            None => self.base.bytes(path),
        }
    }
}

/// A tree whose `/boot` is another one's root, as where the kernels have a partition of their own.
pub struct WithBoot<T> {
    pub root: T,
    pub boot: Option<T>,
}

impl<T: Tree> WithBoot<T> {
    /// The tree that has `path`, and the path in it.
    fn at<'a>(&'a self, path: &'a str) -> (&'a T, &'a str) {
        match (&self.boot, path.strip_prefix("/boot")) {
            (Some(boot), Some("")) => (boot, "/"),
            (Some(boot), Some(rest)) if rest.starts_with('/') => (boot, rest),
            _ => (&self.root, path),
        }
    }
}

impl<T: Tree> Tree for WithBoot<T> {
    fn entry(&self, path: &str) -> Option<Entry> {
        let (tree, path) = self.at(path);
        tree.entry(path)
    }

    fn names(&self, path: &str) -> Vec<String> {
        let (tree, path) = self.at(path);
        tree.names(path)
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let (tree, path) = self.at(path);
        tree.bytes(path)
    }
}

/// Everything below the folder `path` for which `wanted` holds, links not followed, at most `depth` folders deep.
pub fn find(root: Root<'_>, path: &str, depth: usize, wanted: &dyn Fn(&str, &Entry) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let folder = path.trim_end_matches('/');
    for name in root.names(path) {
        let here = format!("{folder}/{name}");
        let Some(entry) = root.entry_itself(&here) else { continue };
        if wanted(&here, &entry) {
            found.push(here.clone());
        }
        if entry.kind == Kind::Folder && depth > 1 {
            found.extend(find(root, &here, depth - 1, wanted));
        }
    }
    found
}

/// What is behind the last slash of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
#[path = "../../tests/images/sound.rs"]
pub mod sound;

#[cfg(test)]
#[path = "tree_tests.rs"]
pub mod tests;
