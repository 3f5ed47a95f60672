//! Work in the network namespace of a host.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::BenchError;

/// Where ip(8) keeps namespaces (ip-netns(8)).
pub fn path(namespace: &str) -> PathBuf {
    PathBuf::from("/run/netns").join(namespace)
}

/// What `work` gives in that namespace: what it opens stays there. On a thread of its own, as setns(2) is about the calling thread alone.
///
/// # Errors
/// [`BenchError::Io`].
pub fn within<T: Send>(namespace: &str, work: impl FnOnce() -> std::io::Result<T> + Send) -> Result<T, BenchError> {
    let opened = File::open(path(namespace)).map_err(BenchError::io(format!("namespace {namespace}")))?;
    let moved = || {
        move_into_link_name_space(opened.as_fd(), Some(LinkNameSpaceType::Network))?;
        work()
    };
    let done = std::thread::scope(|scope| scope.spawn(moved).join());
    let done = done.unwrap_or_else(|_| Err(std::io::Error::other("its thread panicked")));
    done.map_err(BenchError::io(format!("in the namespace {namespace}")))
}

/// Counts the frames that an interface of a namespace gets.
pub struct Counter {
    devices: File,
    interface: String,
}

impl Counter {
    /// # Errors
    /// [`BenchError::Io`].
    pub fn open(namespace: &str, interface: &str) -> Result<Self, BenchError> {
        // Stays with the namespace of the thread that has opened it (proc_pid_net(5)).
        let devices = within(namespace, || File::open("/proc/thread-self/net/dev"))?;
        Ok(Self {
            devices,
            interface: interface.to_owned(),
        })
    }

    /// Frames since the interface is there; `None` when it is not.
    pub fn received(&self) -> Option<u64> {
        let mut text = Vec::new();
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = self.devices.read_at(&mut chunk, text.len() as u64) {
            text.extend_from_slice(&chunk[..count]);
        }
        received(&String::from_utf8_lossy(&text), &self.interface)
    }
}

/// Received packets of an interface, from /proc/net/dev: a line `NAME: BYTES PACKETS ...` for each (proc_pid_net(5)).
fn received(text: &str, interface: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.trim_start().split_once(':'));
    let (_, counts) = lines.find(|(name, _)| *name == interface)?;
    counts.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_the_second_figure() {
        let text = "Inter-|   Receive\n face |bytes    packets errs\n    lo:       1       2    0\n   br0: 3396200   21200    0    0\n";
        assert_eq!(received(text, "br0"), Some(21_200));
        assert_eq!(received(text, "br1"), None);
        assert!(received(&std::fs::read_to_string("/proc/net/dev").unwrap(), "lo").is_some());
    }

    #[test]
    fn a_namespace_that_is_not_there() {
        let error = within("meshimg-no-such-namespace", || Ok(())).unwrap_err();
        assert!(error.to_string().contains("namespace meshimg-no-such-namespace"), "{error}");
    }
}
