//! Files in the cache that are replaced as a whole.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::exit::CommandError;

/// Writes `value` beside `path` first, so that a reader never sees half a file.
pub(crate) fn replace(path: &Path, value: &impl Serialize) -> Result<(), CommandError> {
    let storage =
        |error: std::io::Error| CommandError::Storage(format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(storage)?;
    }
    let text = serde_json::to_string_pretty(value).map_err(|error| storage(error.into()))?;
    let draft = path.with_added_extension("draft");
    fs::write(&draft, text + "\n").and_then(|()| fs::rename(&draft, path)).map_err(storage)
}
