//! Finds units in a tree: systemd.unit(5), "Unit File Load Path". Generators do not run here; of those that bear on the order of a boot,
//! cloud-init's is done by hand.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::unit::{self, Unit};
use crate::image::tree::{Kind, Root, file_name};

/// Where units are, the first with the last word.
const FOLDERS: [&str; 6] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator",
];

/// All units of a tree.
pub struct Units<'a> {
    root: Root<'a>,
    /// Folders that are different ones.
    folders: Vec<String>,
    /// The names in each.
    names: Vec<BTreeSet<String>>,
    loaded: RefCell<BTreeMap<String, Option<Rc<Unit>>>>,
    /// Names that were asked for, and the units' own: each is asked for many times, and costs reads of the disk.
    known: RefCell<BTreeMap<String, String>>,
}

impl<'a> Units<'a> {
    /// The units of `root`.
    pub fn new(root: Root<'a>) -> Self {
        let mut folders: Vec<String> = Vec::new();
        for folder in FOLDERS.iter().filter_map(|folder| root.resolve(folder)) {
            // /lib is a link to /usr/lib, and was not always.
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        let names = folders.iter().map(|folder| root.names(folder).into_iter().collect()).collect();
        Self {
            root,
            folders,
            names,
            loaded: RefCell::new(BTreeMap::new()),
            known: RefCell::new(BTreeMap::new()),
        }
    }

    /// The file of `name`, in the first folder that has it.
    fn file(&self, name: &str) -> Option<String> {
        let mut places = self.folders.iter().zip(&self.names);
        let (folder, _) = places.find(|(_, names)| names.contains(name))?;
        Some(format!("{folder}/{name}"))
    }

    /// The name that a unit has, of one that it may be called by: links are aliases.
    pub fn canonical(&self, name: &str) -> String {
        if let Some(known) = self.known.borrow().get(name) {
            return known.clone();
        }
        let own = self.follow(name);
        self.known.borrow_mut().insert(name.to_owned(), own.clone());
        own
    }

    fn follow(&self, name: &str) -> String {
        let mut name = name.to_owned();
        for _ in 0..8 {
            let Some(path) = self.file(&name) else { return name };
            let Some(Kind::Link(target)) = self.root.entry_itself(&path).map(|entry| entry.kind) else {
                return name;
            };
            let target = file_name(&target);
            // A link to /dev/null is a mask; an instance that is a link to its template is itself.
            if !unit::is_unit(target) || target == name || unit::template(&name).as_deref() == Some(target) {
                return name;
            }
            name = target.to_owned();
        }
        name
    }

    /// A unit by any of its names. None if it is not there or masked.
    pub fn get(&self, name: &str) -> Option<Rc<Unit>> {
        let name = self.canonical(name);
        if let Some(known) = self.loaded.borrow().get(&name) {
            return known.clone();
        }
        let unit = self.load(&name).map(Rc::new);
        self.loaded.borrow_mut().insert(name, unit.clone());
        unit
    }

    fn load(&self, name: &str) -> Option<Unit> {
        if !unit::is_unit(name) {
            return None;
        }
        let path = self.file(name).or_else(|| self.file(&unit::template(name)?))?;
        // Masked: /dev/null is no file of the tree, and an empty file is the same (systemd.unit(5)).
        let text = self.root.text(&path).filter(|text| !text.is_empty())?;
        let mut settings = unit::parse(&text, &path);
        for path in self.drop_ins(name) {
            settings.extend(unit::parse(&self.root.text_or_empty(&path), &path));
        }
        let mut unit = Unit {
            name: name.to_owned(),
            settings,
            wanted: BTreeSet::new(),
        };
        unit.wanted = self.links_of(&unit);
        Some(unit)
    }

    /// The names under which drop-ins of `name` may be: the kind's own, each beginning of the name up to a dash, its template, itself.
    fn drop_in_names(name: &str) -> Vec<String> {
        let Some((stem, kind)) = name.rsplit_once('.') else {
            return Vec::new();
        };
        let mut names = vec![kind.to_owned()];
        let dashes = stem.match_indices('-').map(|(place, _)| format!("{}.{kind}", &stem[..=place]));
        names.extend(dashes.filter(|prefix| prefix != name));
        names.extend(unit::template(name));
        names.push(name.to_owned());
        names
    }

    /// Drop-ins of `name`, in the order of their names; of two with one name the one of the first folder, unless it is masked.
    fn drop_ins(&self, name: &str) -> Vec<String> {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        // What is more particular, and comes from a folder before others, is seen last and stays.
        for name in Self::drop_in_names(name) {
            for (folder, names) in self.folders.iter().zip(&self.names).rev() {
                if !names.contains(&format!("{name}.d")) {
                    continue;
                }
                let files = self.root.names(&format!("{folder}/{name}.d"));
                for file in files.into_iter().filter(|file| file.ends_with(".conf")) {
                    let path = format!("{folder}/{name}.d/{file}");
                    found.insert(file, path);
                }
            }
        }
        found.into_values().collect()
    }

    /// What the links in `NAME.wants`, `.requires` and `.upholds` pull in.
    fn links_of(&self, unit: &Unit) -> BTreeSet<String> {
        let mut wanted = BTreeSet::new();
        let template = unit::template(&unit.name);
        for name in std::iter::once(&unit.name).chain(template.as_ref()) {
            for kind in ["wants", "requires", "upholds"] {
                for (folder, names) in self.folders.iter().zip(&self.names) {
                    if !names.contains(&format!("{name}.{kind}")) {
                        continue;
                    }
                    let links = self.root.names(&format!("{folder}/{name}.{kind}"));
                    wanted.extend(links.into_iter().filter(|name| unit::is_unit(name)));
                }
            }
        }
        if unit.name == "multi-user.target" && self.has_cloud_init() {
            wanted.insert("cloud-init.target".to_owned());
        }
        wanted
    }

    /// Whether cloud-init's generator would have it run: it is there, and nobody forbade it. Whether there is a datasource only the
    /// machine knows.
    fn has_cloud_init(&self) -> bool {
        let generators = ["/usr/lib/systemd/system-generators", "/lib/systemd/system-generators"];
        let mut generators = generators.iter().map(|folder| format!("{folder}/cloud-init-generator"));
        generators.any(|path| self.root.is_file(&path)) && !self.root.exists("/etc/cloud/cloud-init.disabled")
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
