//! The standard library of a guest, and leaving out what nobody imports.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use wasmfit_protocol::Start;
use wasmfit_record::MakingStep;

use super::stage::{in_words, step};
use super::workshop::Workshop;

impl Workshop<'_> {
    /// A folder with a copy of the base's library that holds the modules which
    /// were imported from `files`.
    pub(super) fn reduce_library(
        &self,
        files: &BTreeSet<String>,
    ) -> Result<(PathBuf, MakingStep), String> {
        let since = Instant::now();
        let library = self.base.for_runner(Start::Plain).library.ok_or_else(|| {
            format!("{} has its standard library inside the module", self.base.manifest.name)
        })?;
        let zip = library_file(&library)?;
        let folder = self.file("library")?;
        fs::create_dir_all(&folder).map_err(|error| in_words(&folder, &error))?;
        let reduced = folder.join(zip.file_name().unwrap_or_default());
        let python = &self.setting.places.python;
        let mut child = Command::new(python)
            .args(["-c", include_str!("reduce.py")])
            .args([&zip, &reduced])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| in_words(python, &error))?;
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        if let Some(mut input) = child.stdin.take() {
            input.write_all(files.join("\n").as_bytes()).map_err(|error| error.to_string())?;
        }
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().last().unwrap_or("no reason given");
            return Err(format!("the standard library cannot be reduced: {last}"));
        }
        let count = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let what = format!("standard library reduced to {count} modules that were imported");
        let step = step(&reduced, what, since)?;
        Ok((folder, step))
    }
}

/// The one file in the folder that a guest sees as its library.
pub(super) fn library_file(library: &Path) -> Result<PathBuf, String> {
    let mut files = fs::read_dir(library).map_err(|error| in_words(library, &error))?;
    let file = files.find_map(Result::ok).map(|entry| entry.path());
    file.ok_or_else(|| format!("{} holds no library", library.display()))
}
