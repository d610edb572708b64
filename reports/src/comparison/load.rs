//! A run to compare with: its folder, or what was exported of it.

use std::fs;
use std::path::Path;

use wasmfit_record::RecordError;

use crate::Analysis;
use crate::analysis::ANALYSIS_VERSION;

/// Reads a run directory, or the analysis of one as JSON.
///
/// # Errors
///
/// [`RecordError`]: there is no run, it is damaged, or of another version.
pub fn load(path: &Path) -> Result<Analysis, RecordError> {
    if path.is_dir() {
        return crate::analyze(path);
    }
    let bytes =
        fs::read(path).map_err(|source| RecordError::Io { path: path.to_owned(), source })?;
    let damaged = |reason: String| RecordError::Damaged { path: path.to_owned(), reason };
    let value: serde_json::Value = serde_json::from_slice(&bytes)
        .map_err(|error| damaged(format!("it is no JSON: {error}")))?;
    let version = value.get("analysis_version").and_then(serde_json::Value::as_u64);
    match version {
        None => Err(damaged(
            "it is no exported run: give a run directory, or what `wasmfit report --json` printed"
                .into(),
        )),
        Some(found) if found > u64::from(ANALYSIS_VERSION) => Err(damaged(format!(
            "its figures have version {found}, and this wasmfit reads {ANALYSIS_VERSION}: use the wasmfit that exported it, or a later one"
        ))),
        Some(found) if found < u64::from(ANALYSIS_VERSION) => Err(damaged(format!(
            "its figures have version {found}, which says too little to compare with: export the run again by `wasmfit report --json`"
        ))),
        Some(_) => serde_json::from_value(value).map_err(|error| damaged(error.to_string())),
    }
}
