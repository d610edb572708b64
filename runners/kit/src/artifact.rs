//! Compiled artifacts, kept between runs.
//!
//! Beside each artifact lies a note with its size, hash and compile time. An
//! artifact without a fitting note is made again, never trusted:
//! [`ArtifactFile::prepare`] reads it whole and compares its hash, once per
//! run; [`ArtifactFile::check`] compares the size, at every launch.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{
    Artifact, Failure, FailureKind, GuestFiles, Job, file_sha256, monotonic_ns,
};

use crate::runner::Runtime;

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
    /// The artifact of `guest` for the tier of `job`. Its name tells apart
    /// everything that compiled code depends on: guest, runtime version and
    /// tier, and by a hash of `rest` settings and processor.
    pub fn new(runtime: &impl Runtime, job: &Job, guest: &GuestFiles, rest: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        rest.hash(&mut hasher);
        guest.module_sha256.hash(&mut hasher);
        // WasmEdge wants this ending, and the others do not mind.
        let name = format!(
            "{}-{}-{}-{}-{}-{:016x}.so",
            runtime.name(),
            runtime.version(),
            job.tier,
            guest.name,
            guest.start.name(),
            hasher.finish()
        );
        Self { path: job.artifacts.join(name) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the artifact from the cache, or makes it with `compile`, which
    /// writes it to the path it is given. Writing counts as compiling, since
    /// some compilers do both at once.
    pub fn prepare(
        &self,
        compile: impl FnOnce(&Path) -> Result<(), Failure>,
    ) -> Result<Artifact, Failure> {
        if let Some(note) = self.note()
            && file_sha256(&self.path).is_ok_and(|found| found == note.sha256)
        {
            let Note { bytes, sha256, compile_ns } = note;
            return Ok(Artifact { bytes, sha256, compile_ns, cached: true });
        }
        self.make_way().map_err(|error| self.storage(&error))?;
        let draft = self.path.with_extension(format!("{}.so", std::process::id()));
        let began_ns = monotonic_ns();
        let made = compile(&draft).and_then(|()| {
            let compile_ns = monotonic_ns() - began_ns;
            self.keep(&draft, compile_ns).map_err(|error| self.storage(&error))
        });
        if made.is_err() {
            let _ = fs::remove_file(&draft);
        }
        let Note { bytes, sha256, compile_ns } = made?;
        Ok(Artifact { bytes, sha256, compile_ns, cached: false })
    }

    /// The failure of a file system that does not take the artifact.
    #[must_use]
    pub fn storage(&self, error: &io::Error) -> Failure {
        let message = format!(
            "{}: {error}: make room, or set WASMFIT_CACHE to a folder with room",
            self.path.display()
        );
        Failure::new(FailureKind::Storage, "compile", message)
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

    /// Removes the note before its artifact is made again, as it comes last
    /// when it is made: whatever is interrupted leaves no artifact that looks
    /// whole.
    fn make_way(&self) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        match fs::remove_file(self.note_path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes a finished draft the artifact.
    fn keep(&self, draft: &Path, compile_ns: u64) -> io::Result<Note> {
        let bytes = fs::metadata(draft)?.len();
        let note = Note { bytes, sha256: file_sha256(draft)?, compile_ns };
        fs::rename(draft, &self.path)?;
        fs::write(self.note_path(), serde_json::to_vec(&note)?)?;
        Ok(note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(folder: &Path) -> ArtifactFile {
        ArtifactFile { path: folder.join("a.compiled") }
    }

    fn prepared(file: &ArtifactFile, code: &[u8]) -> Artifact {
        let compile = |draft: &Path| fs::write(draft, code).map_err(|error| file.storage(&error));
        file.prepare(compile).expect("prepared")
    }

    #[test]
    fn an_artifact_is_compiled_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = artifact(&folder.path().join("new"));
        assert!(file.check().is_err());
        let made = prepared(&file, b"code");
        assert!(!made.cached);
        assert!(file.check().is_ok());
        let found = file.prepare(|_| panic!("compiled twice")).expect("cached");
        assert_eq!(found, Artifact { cached: true, ..made });
    }

    #[test]
    fn a_damaged_artifact_is_made_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = artifact(folder.path());
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
        let file = artifact(folder.path());
        prepared(&file, b"code");
        fs::write(file.path(), b"cod").expect("cut short");
        assert_eq!(file.check().expect_err("short").kind, FailureKind::Guest);
    }

    #[test]
    fn a_compiler_that_fails_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = artifact(folder.path());
        let no = |draft: &Path| {
            fs::write(draft, b"half").expect("written");
            Err(Failure::new(FailureKind::Guest, "compile", "no"))
        };
        assert!(file.prepare(no).is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
