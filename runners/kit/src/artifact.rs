//! Compiled artifacts, kept between runs.
//!
//! Beside each artifact lies a note with its size, hash and compile time. An
//! artifact without a fitting note is made again, never trusted:
//! [`ArtifactFile::prepare`] reads it whole and compares its hash, once per
//! run; [`ArtifactFile::check`] compares the size, at every launch.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{Artifact, Failure, FailureKind, file_sha256, monotonic_ns, sha256};

/// An artifact's place in the cache.
#[derive(Clone, Debug)]
pub struct ArtifactFile {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Note {
    bytes: u64,
    sha256: String,
    compile_ns: u64,
}

impl ArtifactFile {
    /// The artifact named `name` in `folder`. The name must tell apart
    /// everything that compiled code depends on: guest, runtime version,
    /// settings and processor.
    #[must_use]
    pub fn new(folder: &Path, name: &str) -> Self {
        Self { path: folder.join(name) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the artifact from the cache, or makes it with `compile`.
    pub fn prepare(
        &self,
        compile: impl FnOnce() -> Result<Vec<u8>, Failure>,
    ) -> Result<Artifact, Failure> {
        if let Some(note) = self.note()
            && file_sha256(&self.path).is_ok_and(|found| found == note.sha256)
        {
            let Note { bytes, sha256, compile_ns } = note;
            return Ok(Artifact { bytes, sha256, compile_ns, cached: true });
        }
        let began_ns = monotonic_ns();
        let code = compile()?;
        let compile_ns = monotonic_ns() - began_ns;
        let note = Note { bytes: code.len() as u64, sha256: sha256(&code), compile_ns };
        self.store(&code, &note).map_err(|error| {
            let message = format!(
                "{}: {error}: make room, or set WASMFIT_CACHE to a folder with room",
                self.path.display()
            );
            Failure::new(FailureKind::Storage, "compile", message)
        })?;
        let Note { bytes, sha256, compile_ns } = note;
        Ok(Artifact { bytes, sha256, compile_ns, cached: false })
    }

    /// Whether the artifact is there in full length.
    pub fn check(&self) -> Result<(), Failure> {
        let length = fs::metadata(&self.path).map(|metadata| metadata.len()).ok();
        match (length, self.note()) {
            (Some(length), Some(note)) if length == note.bytes => Ok(()),
            _ => {
                let message = format!(
                    "{} is missing or cut short: it was removed since the run began; start the run again",
                    self.path.display()
                );
                Err(Failure::new(FailureKind::Guest, "load-artifact", message))
            }
        }
    }

    fn note_path(&self) -> PathBuf {
        self.path.with_added_extension("json")
    }

    fn note(&self) -> Option<Note> {
        serde_json::from_slice(&fs::read(self.note_path()).ok()?).ok()
    }

    /// The note goes first and comes last, so that whatever is interrupted
    /// leaves no artifact that looks whole.
    fn store(&self, code: &[u8], note: &Note) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        if let Err(error) = fs::remove_file(self.note_path())
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let draft = self.path.with_added_extension(std::process::id().to_string());
        let written = File::create(&draft).and_then(|mut file| file.write_all(code));
        if let Err(error) = written.and_then(|()| fs::rename(&draft, &self.path)) {
            let _ = fs::remove_file(&draft);
            return Err(error);
        }
        fs::write(self.note_path(), serde_json::to_vec(note)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(file: &ArtifactFile, code: &[u8]) -> Artifact {
        file.prepare(|| Ok(code.to_vec())).expect("prepared")
    }

    #[test]
    fn an_artifact_is_compiled_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = ArtifactFile::new(&folder.path().join("new"), "a.cwasm");
        assert!(file.check().is_err());
        let made = prepared(&file, b"code");
        assert!(!made.cached);
        assert!(file.check().is_ok());
        let found = file.prepare(|| panic!("compiled twice")).expect("cached");
        assert_eq!(found, Artifact { cached: true, ..made });
    }

    #[test]
    fn a_damaged_artifact_is_made_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = ArtifactFile::new(folder.path(), "a.cwasm");
        let damages: [fn(&ArtifactFile); 4] = [
            |file| fs::write(file.path(), b"cut").expect("cut short"),
            |file| fs::write(file.path(), b"c0de").expect("changed"),
            |file| fs::write(file.note_path(), b"{").expect("note torn"),
            |file| fs::remove_file(file.path()).expect("removed"),
        ];
        for damage in damages {
            prepared(&file, b"code");
            damage(&file);
            assert!(!prepared(&file, b"code").cached);
            assert_eq!(fs::read(file.path()).expect("there"), b"code");
        }
    }

    #[test]
    fn a_short_artifact_fails_the_launch_check() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = ArtifactFile::new(folder.path(), "a.cwasm");
        prepared(&file, b"code");
        fs::write(file.path(), b"cod").expect("cut short");
        assert_eq!(file.check().expect_err("short").kind, FailureKind::Guest);
    }

    #[test]
    fn a_compiler_that_fails_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = ArtifactFile::new(folder.path(), "a.cwasm");
        let no = || Err(Failure::new(FailureKind::Guest, "compile", "no"));
        assert!(file.prepare(no).is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
