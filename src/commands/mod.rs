//! The commands, one file each.

pub(crate) mod assess;
pub(crate) mod bench;
pub(crate) mod boundary;
pub(crate) mod calibrate;
pub(crate) mod check;
pub(crate) mod classify;
pub(crate) mod compare;
pub(crate) mod deploy;
pub(crate) mod doctor;
pub(crate) mod list;
pub(crate) mod merge;
pub(crate) mod new;
pub(crate) mod plan;
pub(crate) mod publish;
pub(crate) mod report;
pub(crate) mod routes;
pub(crate) mod runner_check;
pub(crate) mod sandbox;
pub(crate) mod shell;
pub(crate) mod trim;

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::exit::CommandError;

/// Prints to standard output. A reader that has gone away, as `head` does, is
/// no error.
fn print(text: &str) -> Result<(), CommandError> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::Storage(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Refuses to write a run over another; `or_else` is what else may be done but
/// to name another folder.
fn require_no_run(folder: &Path, or_else: &str) -> Result<(), CommandError> {
    if !folder.join("run.json").exists() {
        return Ok(());
    }
    let folder = folder.display();
    Err(CommandError::Usage(format!("{folder} holds a run already: give another --out{or_else}")))
}

/// Prints a value as JSON.
fn print_json(value: &impl Serialize) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| CommandError::Storage(format!("JSON: {error}")))?;
    print(&format!("{text}\n"))
}
