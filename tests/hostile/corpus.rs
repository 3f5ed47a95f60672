//! What the fuzzer kept in fuzz/corpus/, without the fuzzer: the inputs that reach most of the code, and each that once was a fault.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::inputs;

fn kept(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).expect("the corpus is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("it can be read");
        (path, bytes)
    };
    files.into_iter().map(read).collect()
}

fn replay(target: &str, run: impl Fn(&[u8])) {
    let inputs = kept(target);
    assert!(inputs.len() >= 50, "{} inputs", inputs.len());
    let size: usize = inputs.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(size < 512 * 1024, "{size} bytes are too many for a repository");
    for (path, bytes) in inputs {
        let started = Instant::now();
        run(&bytes);
        // The fuzzer's own limit is 1 s, of an optimised build on a machine that does nothing else.
        assert!(started.elapsed() < Duration::from_secs(20), "{}", path.display());
    }
}

#[test]
fn any_file_is_read_or_refused() {
    replay("parse", inputs::parse);
}

#[test]
fn any_cluster_goes_all_the_way() {
    replay("pipeline", inputs::pipeline);
}
