//! A script of the user's as a workload: `wrap.py` makes a folder of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::exit::CommandError;

const WRAP: &str = include_str!("wrap.py");

/// What is given of it.
pub(crate) struct Script<'a> {
    pub(crate) path: &'a Path,
    /// Files, or folders of files: a request each.
    pub(crate) requests: &'a [PathBuf],
    /// Files and folders that it needs beside itself.
    pub(crate) extras: &'a [PathBuf],
    /// How its responses are compared.
    pub(crate) format: &'a str,
    /// Absolute and relative, where that is not by bytes.
    pub(crate) tolerance: f64,
}

/// Makes the workload folder `folder` of a script.
pub(crate) fn wrap(script: &Script<'_>, folder: &Path, python: &Path) -> Result<(), CommandError> {
    let lines = |paths: &[PathBuf]| {
        let paths = paths.iter().map(|path| path.to_string_lossy());
        paths.collect::<Vec<_>>().join("\n")
    };
    let output = Command::new(python)
        .args(["-B", "-c", WRAP])
        .args([script.path, folder])
        .args([script.format.to_owned(), script.tolerance.to_string()])
        .args([lines(script.requests), lines(script.extras)])
        .output()
        .map_err(|error| {
            let python = python.display();
            CommandError::Setup(format!(
                "{python}: {error}: run scripts/setup, or name another interpreter with --python"
            ))
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.trim().lines().last().unwrap_or("nothing said").to_owned();
    Err(CommandError::Usage(line))
}
