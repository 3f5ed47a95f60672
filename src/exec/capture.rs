//! Reads a child's output streams without blocking it, keeping a bounded amount.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The most that is kept of one stream, bytes; of more, the end is kept (that is where errors are).
const KEPT_MAX: usize = 16 * 1024 * 1024;

/// A thread that reads one stream to its end.
pub struct Capture {
    kept: Arc<Mutex<Vec<u8>>>,
    done: Receiver<()>,
}

impl Capture {
    /// Starts to read `stream`; each chunk is also written to `copy`.
    pub fn start(mut stream: impl Read + Send + 'static, mut copy: Option<std::fs::File>) -> Self {
        let (sender, done) = sync_channel(1);
        let kept = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&kept);
        std::thread::spawn(move || {
            let mut chunk = [0_u8; 16 * 1024];
            while let Ok(count @ 1..) = stream.read(&mut chunk) {
                if let Some(file) = &mut copy {
                    // A full disk must not stop the child; what it says is kept here too.
                    let _ = file.write_all(&chunk[..count]);
                }
                let mut kept = shared.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&chunk[..count]);
                if kept.len() > 2 * KEPT_MAX {
                    let surplus = kept.len() - KEPT_MAX;
                    kept.drain(..surplus);
                }
            }
            let _ = sender.send(());
        });
        Self { kept, done }
    }

    /// What the stream said. A grandchild may hold the stream open after the child's end (an ssh master does), so this waits at most
    /// `patience` for its end.
    pub fn finish(self, patience: Duration) -> Vec<u8> {
        let _ = self.done.recv_timeout(patience);
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
