//! An object that is there for as long as an import takes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use rusty_s3::Method;

use super::answers::{self, Created, Uploads};
use super::client::{Request, Spaces};
use super::error::SpacesError;
use crate::exec::interrupt;

/// Who reads an object while it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever knows its name.
    Public,
    /// Whoever has the URL that was signed for it.
    Signed,
}

/// An object of ours, or what there is of it. Dropped, it is removed; [`Upload::remove`] also says whether that succeeded.
pub struct Upload<'a> {
    spaces: &'a Spaces,
    key: String,
    access: Access,
    is_removed: bool,
}

impl<'a> Upload<'a> {
    /// Nothing is sent yet.
    pub fn new(spaces: &'a Spaces, key: String, access: Access) -> Self {
        Self {
            spaces,
            key,
            access,
            is_removed: false,
        }
    }

    /// Sends the first `bytes` of the file, at once or in parts; `progress` hears how many are there.
    ///
    /// # Errors
    /// [`SpacesError`]; then there may be a part of it.
    pub fn put(&self, path: &Path, bytes: u64, progress: &dyn Fn(u64)) -> Result<(), SpacesError> {
        let read = |source| SpacesError::Read {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(read)?;
        let part = |place: u64| -> Result<Vec<u8>, SpacesError> {
            let length = self.spaces.limits.part.min(bytes - place);
            let mut block = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            file.read_exact_at(&mut block, place).map_err(read)?;
            Ok(block)
        };
        if bytes <= self.spaces.limits.part {
            let block = part(0)?;
            self.spaces
                .call(&Request::new(Method::Put, &self.key).body(&block).public(self.is_public()))?;
        } else {
            self.put_parts(bytes, part, progress)?;
        }
        self.check(bytes)?;
        progress(bytes);
        Ok(())
    }

    fn put_parts(&self, bytes: u64, part: impl Fn(u64) -> Result<Vec<u8>, SpacesError>, progress: &dyn Fn(u64)) -> Result<(), SpacesError> {
        let spaces = self.spaces;
        let begin = Request::new(Method::Post, &self.key)
            .query(vec![("uploads", "")])
            .public(self.is_public());
        let Created { upload_id } = spaces.read(&begin)?;
        let (mut etags, mut place) = (Vec::new(), 0);
        while place < bytes {
            progress(place);
            let block = part(place)?;
            let number = (etags.len() + 1).to_string();
            let query = vec![("partNumber", number.as_str()), ("uploadId", upload_id.as_str())];
            let request = Request::new(Method::Put, &self.key).query(query).body(&block);
            let etag = spaces.call(&request)?.etag;
            etags.push(etag.ok_or_else(|| spaces.nonsense(&request, "a part without an entity tag"))?);
            place += block.len() as u64;
        }
        let end = Request::new(Method::Post, &self.key).query(vec![("uploadId", upload_id.as_str())]);
        let body = answers::complete(&etags).map_err(|why| spaces.nonsense(&end, &why))?;
        let end = end.body(body.as_bytes());
        match spaces.call(&end) {
            // A status of 200 is sent before it is known what comes of it.
            Ok(answer) => match answers::error(&answer.body) {
                Some((_, words)) => Err(spaces.nonsense(&end, &words)),
                None => Ok(()),
            },
            // An answer was lost, and it was completed: whether the object is there is looked at next.
            Err(SpacesError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether all of it is there.
    fn check(&self, bytes: u64) -> Result<(), SpacesError> {
        let look = Request::new(Method::Head, &self.key);
        match self.spaces.call(&look)?.length {
            Some(length) if length == bytes => Ok(()),
            length => {
                let length = length.map_or("an unknown number of".to_owned(), |length| length.to_string());
                Err(self
                    .spaces
                    .nonsense(&look, &format!("{length} bytes are there, and {bytes} were sent")))
            }
        }
    }

    fn is_public(&self) -> bool {
        self.access == Access::Public
    }

    /// A URL to read it by: for so long where it is signed, else for as long as it is there.
    pub fn url(&self, valid: Duration) -> String {
        match self.access {
            Access::Public => self.spaces.url(&self.key),
            Access::Signed => self.spaces.url_to_read(&self.key, valid),
        }
    }

    /// `bucket/key`.
    pub fn name(&self) -> String {
        self.spaces.name(&self.key)
    }

    /// Removes it, whatever there is of it, also when the run was interrupted.
    ///
    /// # Errors
    /// [`SpacesError`]; then it may still be there.
    pub fn remove(mut self) -> Result<(), SpacesError> {
        self.is_removed = true;
        remove(self.spaces, &self.key)
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        if !self.is_removed {
            let _ = remove(self.spaces, &self.key);
        }
    }
}

/// Removes the object `key`, and gives up each upload of it in parts; both are tried.
pub(super) fn remove(spaces: &Spaces, key: &str) -> Result<(), SpacesError> {
    let _shield = interrupt::shield();
    let parts = give_up(spaces, key);
    let object = gone(spaces.call(&Request::new(Method::Delete, key)).map(|_| ()));
    parts.and(object)
}

fn give_up(spaces: &Spaces, key: &str) -> Result<(), SpacesError> {
    let list = Request::new(Method::Get, "").query(vec![("prefix", key), ("uploads", "")]);
    let Uploads { uploads } = spaces.read(&list)?;
    let mut result = Ok(());
    for upload in uploads.iter().filter(|upload| upload.key == key) {
        let request = Request::new(Method::Delete, key).query(vec![("uploadId", upload.upload_id.as_str())]);
        result = result.and(gone(spaces.call(&request).map(|_| ())));
    }
    result
}

/// What is not there needs no removing.
fn gone(result: Result<(), SpacesError>) -> Result<(), SpacesError> {
    match result {
        Err(SpacesError::Refused { status: 404, message, .. }) if !message.starts_with("NoSuchBucket") => Ok(()),
        other => other,
    }
}
