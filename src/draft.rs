//! Folders that are made beside their place, and take it once they are whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One that is being made; let go of, it is gone. Errors say in one line what
/// failed.
pub(crate) struct Draft {
    folder: tempfile::TempDir,
    place: PathBuf,
}

impl Draft {
    /// An empty one for `place`. What is there is replaced only where it holds
    /// the file `note`, which whatever was made here does.
    pub(crate) fn of(place: PathBuf, note: &str) -> Result<Self, String> {
        if place.exists() && !place.join(note).is_file() {
            return Err(format!("{} was not made so, and is not replaced", place.display()));
        }
        let above = place.parent().unwrap_or(&place);
        let made = fs::create_dir_all(above).and_then(|()| tempfile::tempdir_in(above));
        let folder = made.map_err(|error| format!("{}: {error}", place.display()))?;
        Ok(Self { folder, place })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts it in its place, which it returns.
    pub(crate) fn put_in_place(self) -> Result<PathBuf, String> {
        let Self { folder, place } = self;
        let storage = |error: io::Error| format!("{}: {error}", place.display());
        if place.exists() {
            fs::remove_dir_all(&place).map_err(storage)?;
        }
        fs::rename(folder.keep(), &place).map_err(storage)?;
        Ok(place)
    }
}
