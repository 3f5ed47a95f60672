//! Whether there is room, asked before anything is made.

use std::path::Path;

use super::ImageError;

/// The environment variable that decides where root's builds unpack, and where those of an ordinary user do.
pub(super) fn variable(is_root: bool) -> &'static str {
    if is_root { "MESHIMG_CACHE" } else { "TMPDIR" }
}

/// Whether `needed` bytes are free where `place` is; that is a folder of ours in one that the user knows, which `variable` names.
///
/// # Errors
/// [`ImageError::Space`]; [`ImageError::File`] where the file system does not say.
pub(super) fn require(place: &Path, needed: u64, variable: &'static str) -> Result<(), ImageError> {
    let free = rustix::fs::statvfs(place).map_err(|source| ImageError::file(place, source.into()))?;
    enough(
        place.parent().unwrap_or(place),
        needed,
        free.f_bavail.saturating_mul(free.f_frsize),
        variable,
    )
}

fn enough(place: &Path, needed: u64, free: u64, variable: &'static str) -> Result<(), ImageError> {
    if free >= needed {
        return Ok(());
    }
    Err(ImageError::Space {
        place: place.to_owned(),
        needed,
        free,
        variable,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_space_is_told() {
        let tmp = Path::new("/tmp");
        enough(tmp, 2_000_000_000, 2_000_000_000, "TMPDIR").unwrap();
        let error = enough(tmp, 2_000_000_000, 524_288_000, "TMPDIR").unwrap_err();
        assert_eq!(
            error.to_string(),
            "a build takes 2000 MB of disk, and /tmp has 524 MB free; make room, or name a folder on a larger disk in TMPDIR"
        );
        require(tmp, 0, "TMPDIR").unwrap();
        assert!(matches!(require(tmp, u64::MAX, "TMPDIR"), Err(ImageError::Space { .. })));
    }
}
