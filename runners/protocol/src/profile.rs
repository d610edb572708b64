//! Profiles: the rows of a runner's `profile.jsonl`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::RequestPhase;

/// What became of a profile pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "pass", rename_all = "kebab-case")]
pub enum Profiled {
    /// Its samples are in `profile.jsonl` in the scratch folder.
    Taken(Taken),
    /// This system takes no PC samples. Phases are timed all the same.
    Impossible {
        /// Its reason.
        reason: String,
    },
}

/// A profile pass that was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Taken {
    /// Samples taken within the phases of requests.
    pub samples: u64,
    /// Samples that there was no room for.
    pub lost: u64,
    /// Processor time of the thread that serves requests during the pass, ns.
    pub own_cpu_ns: u64,
    /// Processor time of all other threads of the process meanwhile, ns: a
    /// workload's own threads are not sampled.
    pub other_cpu_ns: u64,
    /// Programs and libraries without symbols of their own, in which samples
    /// fell.
    pub nameless: Vec<String>,
}

/// Equal samples of one request and phase.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct ProfileRow {
    /// Which request was being served.
    pub request: u32,
    /// Which phase it was in.
    pub phase: RequestPhase,
    /// Where the processor was, and then its callers as far as they are
    /// known, the nearest first. Callers are found on the stack without
    /// unwinding: a stale one may be among them.
    pub places: Vec<Place>,
    /// How many samples.
    pub count: u64,
}

/// A function.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Place {
    /// The file that holds it: a program's or library's name, or the guest's
    /// module.
    pub object: String,
    /// Its name, without what compilers append for copies of it; `None` where
    /// the object does not tell.
    pub symbol: Option<String>,
}

/// A profile that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// A line is no row.
    #[error("{path}: line {line} is no row of a profile: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Writes `rows`, one line of JSON each.
pub fn write_profile(path: &Path, rows: &[ProfileRow]) -> Result<(), ProfileError> {
    let write = || -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for row in rows {
            serde_json::to_writer(&mut file, row)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    };
    write().map_err(|source| ProfileError::Io { path: path.to_owned(), source })
}

/// Reads what [`write_profile`] wrote.
pub fn read_profile(path: &Path) -> Result<Vec<ProfileRow>, ProfileError> {
    let io_error = |source| ProfileError::Io { path: path.to_owned(), source };
    let file = BufReader::new(File::open(path).map_err(io_error)?);
    let rows = file.lines().enumerate().map(|(index, line)| {
        let line = line.map_err(io_error)?;
        serde_json::from_str(&line).map_err(|error| ProfileError::Damaged {
            path: path.to_owned(),
            line: index + 1,
            reason: error.to_string(),
        })
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_survive_their_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("profile.jsonl");
        let place = |symbol: Option<&str>| Place {
            object: "libm.so.6".into(),
            symbol: symbol.map(str::to_owned),
        };
        let rows = vec![ProfileRow {
            request: 3,
            phase: RequestPhase::Infer,
            places: vec![place(None), place(Some("operator\"\" _x, \n"))],
            count: 7,
        }];
        write_profile(&path, &rows).expect("written");
        assert_eq!(read_profile(&path).expect("read"), rows);
    }

    #[test]
    fn a_line_that_is_no_row_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("profile.jsonl");
        std::fs::write(&path, "{\"request\":1}\n").expect("written");
        let error = read_profile(&path).expect_err("no row").to_string();
        assert!(error.contains("line 1 is no row"), "{error}");
    }
}
