//! Of the cache, where processes and time come in, and of what is written where.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::cache::{Cache, Inputs, Key};
use super::*;
use crate::ui::Ui;

fn key(value: &str) -> Key {
    let mut inputs = Inputs::new("test", "1");
    inputs.add("value", value);
    inputs.key()
}

/// Names in the cache's folder, but for lock files.
fn names(cache: &Cache) -> Vec<String> {
    let entries = fs::read_dir(cache.folder()).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with(".lock"));
    names.sort();
    names
}

fn put(folder: &Path, content: &str) -> Result<(), ImageError> {
    write(&folder.join("file"), content)
}

#[test]
fn an_entry_is_built_once_and_read_only() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("not/yet/there"));
    assert_eq!(cache.find(&key("a")), None);
    let made = cache.build(&key("a"), &Ui::silent(), |folder| put(folder, "first")).unwrap();
    let found = cache.build(&key("a"), &Ui::silent(), |_| panic!("built twice")).unwrap();
    assert_eq!((&found, Some(&found)), (&made, cache.find(&key("a")).as_ref()));
    assert_eq!(fs::read_to_string(made.join("file")).unwrap(), "first");
    assert_eq!(fs::metadata(made.join("file")).unwrap().permissions().mode() & 0o777, 0o444);
    assert_eq!(names(&cache), [key("a").to_string()]);
}

#[test]
fn a_failed_build_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let full = || ImageError::file(Path::new("disk.raw"), rustix::io::Errno::NOSPC.into());
    let error = cache.build(&key("a"), &Ui::silent(), |folder| put(folder, "half").and(Err(full())));
    assert_eq!(
        error.unwrap_err().to_string(),
        "cannot write disk.raw: No space left on device (os error 28)"
    );
    assert_eq!((cache.find(&key("a")), names(&cache)), (None, Vec::new()));
    cache.build(&key("a"), &Ui::silent(), |folder| put(folder, "whole")).unwrap();
}

#[test]
fn a_builder_that_was_killed_leaves_nothing_that_looks_finished() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let dead = folder.path().join(format!("{}.partial-4194305", key("a")));
    let dead_of_another = folder.path().join(format!("{}.partial-4194305", key("b")));
    for folder in [&dead, &dead_of_another] {
        fs::create_dir(folder).unwrap();
        put(folder, "half").unwrap();
    }
    assert_eq!(cache.find(&key("a")), None);
    cache.build(&key("a"), &Ui::silent(), |folder| put(folder, "whole")).unwrap();
    assert_eq!(names(&cache), [key("a").to_string()]);
}

#[test]
fn the_folder_of_a_builder_that_lives_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    cache
        .build(&key("a"), &Ui::silent(), |partial| {
            put(partial, "of a")?;
            cache.build(&key("b"), &Ui::silent(), |folder| put(folder, "of b"))?;
            assert!(partial.join("file").exists());
            Ok(())
        })
        .unwrap();
}

#[test]
fn of_many_builders_one_builds_and_all_get_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let built = AtomicU32::new(0);
    let build = || {
        cache.build(&key("a"), &Ui::silent(), |folder| {
            built.fetch_add(1, Ordering::SeqCst);
            crate::exec::interrupt::pause(Duration::from_millis(300));
            put(folder, "whole")
        })
    };
    let made: Vec<PathBuf> = std::thread::scope(|scope| {
        let builders: Vec<_> = (0..4).map(|_| scope.spawn(build)).collect();
        builders.into_iter().map(|builder| builder.join().unwrap().unwrap()).collect()
    });
    assert_eq!(built.load(Ordering::SeqCst), 1);
    assert!(made.iter().all(|path| fs::read_to_string(path.join("file")).unwrap() == "whole"));
}

#[test]
fn keys_tell_all_inputs_apart() {
    let of = |kind, recipe, pairs: &[(&str, &str)]| {
        let mut inputs = Inputs::new(kind, recipe);
        pairs.iter().for_each(|(name, value)| inputs.add(name, value));
        inputs.key().to_string()
    };
    let keys = [
        of("base", "1", &[("a", "b")]),
        of("other", "1", &[("a", "b")]),
        of("base", "2", &[("a", "b")]),
        of("base", "1", &[("a", "c")]),
        of("base", "1", &[("ab", "")]),
        of("base", "1", &[("", "ab")]),
        of("base", "1", &[("a", "b"), ("", "")]),
        of("base", "1", &[("a", ""), ("b", "")]),
        of("base", "1", &[]),
    ];
    let distinct: std::collections::BTreeSet<&String> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
    insta::assert_snapshot!(keys[0], @"base-72185659ab86230491d7f442e3c97801d3d24eec4c782e60617ea96e81deb813");
}

#[test]
fn the_uuid_of_a_key_is_one_of_version_8() {
    insta::assert_snapshot!(key("a").uuid(), @"72b32ec4-f4c7-83a0-840e-9948e876f2e8");
}

#[test]
fn the_first_variable_with_an_absolute_path_names_the_cache() {
    let cache = |variables: &[(&str, &str)]| {
        let variables: std::collections::BTreeMap<&str, &str> = variables.iter().copied().collect();
        Cache::from_variables(|name| variables.get(name).map(PathBuf::from)).map(|cache| cache.folder().to_owned())
    };
    let all = [("MESHIMG_CACHE", "/m"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")];
    assert_eq!(cache(&all).unwrap(), Path::new("/m"));
    assert_eq!(cache(&all[1..]).unwrap(), Path::new("/x/meshimg"));
    assert_eq!(cache(&all[2..]).unwrap(), Path::new("/h/.cache/meshimg"));
    assert_eq!(
        cache(&[("MESHIMG_CACHE", ""), ("XDG_CACHE_HOME", "x"), ("HOME", "/h")]).unwrap(),
        Path::new("/h/.cache/meshimg")
    );
    assert!(matches!(cache(&[]), Err(ImageError::NoCacheFolder)));
}
