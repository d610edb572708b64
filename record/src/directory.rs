//! A run directory on disk.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use wasmfit_protocol::Sample;

use crate::profile::ProfileWriter;
use crate::{Case, ProfileRecord, Run, SCHEMA_VERSION, SamplesWriter, Target};

/// A run directory that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// There is no run there.
    #[error("{path} holds no run (no run.json): give the folder that `wasmfit bench` printed")]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// A file does not read as what it is named.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Written by a later wasmfit.
    #[error(
        "{path} has schema version {found}, and this wasmfit reads up to {SCHEMA_VERSION}: use the wasmfit that wrote it, or a later one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
}

impl RecordError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// A run directory that is being written.
#[derive(Debug)]
pub struct RunDirectory {
    folder: PathBuf,
    samples: SamplesWriter,
    profile: ProfileWriter,
}

impl RunDirectory {
    /// Makes the folder and its sub-folders; it must not hold a run.
    pub fn create(folder: &Path) -> Result<Self, RecordError> {
        for name in ["", "requests", "responses"] {
            let path = folder.join(name);
            fs::create_dir_all(&path).map_err(|source| RecordError::io(&path, source))?;
        }
        Self::open(folder, 0, 0)
    }

    /// Opens the directory of a run that is to go on.
    pub fn resume(folder: &Path, run: &Run) -> Result<Self, RecordError> {
        Self::open(folder, run.samples_bytes, run.profile_bytes)
    }

    fn open(folder: &Path, samples: u64, profile: u64) -> Result<Self, RecordError> {
        let path = samples_path(folder);
        let samples =
            SamplesWriter::open(&path, samples).map_err(|source| RecordError::io(&path, source))?;
        let path = profile_path(folder);
        let profile =
            ProfileWriter::open(&path, profile).map_err(|source| RecordError::io(&path, source))?;
        Ok(Self { folder: folder.to_owned(), samples, profile })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the request bytes of a case are.
    #[must_use]
    pub fn requests(&self, case: &Case) -> PathBuf {
        Self::requests_of(&self.folder, case)
    }

    /// Where the response bytes of a cell are.
    #[must_use]
    pub fn responses(&self, case: &Case, target: &Target) -> PathBuf {
        Self::responses_of(&self.folder, case, target)
    }

    /// Appends the samples and the profile of a launch; `run.samples_bytes`
    /// and `run.profile_bytes` follow.
    pub fn append(
        &mut self,
        run: &mut Run,
        launch: u32,
        samples: &[Sample],
        profile: &[ProfileRecord],
    ) -> Result<(), RecordError> {
        let path = samples_path(&self.folder);
        run.samples_bytes = self
            .samples
            .append(launch, samples)
            .map_err(|source| RecordError::io(&path, source))?;
        let path = profile_path(&self.folder);
        run.profile_bytes =
            self.profile.append(profile).map_err(|source| RecordError::io(&path, source))?;
        Ok(())
    }

    /// Replaces `run.json`.
    pub fn save(&self, run: &Run) -> Result<(), RecordError> {
        let path = run_path(&self.folder);
        let draft = path.with_extension("json.draft");
        let write = || -> io::Result<()> {
            let mut file = File::create(&draft)?;
            serde_json::to_writer_pretty(io::BufWriter::new(&file), run)?;
            file.write_all(b"\n")?;
            file.sync_data()?;
            fs::rename(&draft, &path)
        };
        write().map_err(|source| RecordError::io(&path, source))
    }

    /// Reads the `run.json` of a folder.
    pub fn read(folder: &Path) -> Result<Run, RecordError> {
        let path = run_path(folder);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(RecordError::NoRun { path: folder.to_owned() });
            }
            Err(error) => return Err(RecordError::io(&path, error)),
        };
        let damaged = |error: serde_json::Error| RecordError::Damaged {
            path: path.clone(),
            reason: error.to_string(),
        };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(damaged)?;
        if let Some(found) = value.get("schema_version").and_then(serde_json::Value::as_u64)
            && found > u64::from(SCHEMA_VERSION)
        {
            return Err(RecordError::Newer { path, found });
        }
        serde_json::from_value(value).map_err(damaged)
    }

    /// Where the request bytes of a case of the run in `folder` are.
    #[must_use]
    pub fn requests_of(folder: &Path, case: &Case) -> PathBuf {
        folder.join("requests").join(format!("{}.frames", file_name(&case.to_string())))
    }

    /// Where the response bytes of a cell of the run in `folder` are.
    #[must_use]
    pub fn responses_of(folder: &Path, case: &Case, target: &Target) -> PathBuf {
        let name = format!("{}.{}", file_name(&case.to_string()), file_name(&target.to_string()));
        folder.join("responses").join(format!("{name}.frames"))
    }

    /// Where the samples of the run in `folder` are.
    #[must_use]
    pub fn samples_of(folder: &Path) -> PathBuf {
        samples_path(folder)
    }

    /// Where the profile of the run in `folder` is.
    #[must_use]
    pub fn profile_of(folder: &Path) -> PathBuf {
        profile_path(folder)
    }
}

fn run_path(folder: &Path) -> PathBuf {
    folder.join("run.json")
}

fn profile_path(folder: &Path) -> PathBuf {
    folder.join("profile.csv")
}

fn samples_path(folder: &Path) -> PathBuf {
    folder.join("samples.csv")
}

/// A name as one path component.
fn file_name(name: &str) -> String {
    name.replace(['/', '@'], "-")
}
