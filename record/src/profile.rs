//! `profile.csv`: every PC sample of a run, by place.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wasmfit_protocol::RequestPhase;

use crate::appended::{Appended, open_whole};
use crate::{Class, RecordError};

/// One row: equal samples of a launch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProfileRecord {
    /// [`crate::Launch::id`].
    pub launch: u32,
    /// Which request was being served.
    pub request: u32,
    /// Which phase it was in.
    pub phase: RequestPhase,
    /// What the rules make of it.
    pub class: Class,
    /// The function that the processor was in; empty where it has no name.
    pub symbol: String,
    /// The program, library or module that holds it.
    pub object: String,
    /// The caller whose class it has, where the function serves its callers;
    /// else empty.
    pub charged_to: String,
    /// How many samples.
    pub count: u64,
}

const COLUMNS: [&str; 8] =
    ["launch", "request", "phase", "class", "symbol", "object", "charged_to", "count"];

/// Appends to `profile.csv`.
#[derive(Debug)]
pub(crate) struct ProfileWriter(Appended);

impl ProfileWriter {
    pub(crate) fn open(path: &Path, bytes: u64) -> io::Result<Self> {
        Ok(Self(Appended::open(path, bytes, &format!("{}\n", COLUMNS.join(",")))?))
    }

    /// Appends the rows of one launch and returns the file's new length.
    pub(crate) fn append(&mut self, rows: &[ProfileRecord]) -> io::Result<u64> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        for row in rows {
            writer.serialize(row).map_err(io::Error::other)?;
        }
        let text = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
        self.0.append(&text)
    }
}

/// Calls `each` on every row within the first `bytes` of the file.
pub fn read_profile_records(
    path: &Path,
    bytes: u64,
    mut each: impl FnMut(ProfileRecord),
) -> Result<(), RecordError> {
    let file = open_whole(path, bytes)?;
    let damaged = |reason: String| RecordError::Damaged { path: path.to_owned(), reason };
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().map_err(|error| damaged(error.to_string()))?;
    if !header.iter().eq(COLUMNS) {
        return Err(damaged("its columns are not those of a profile".into()));
    }
    for row in reader.deserialize() {
        each(row.map_err(|error| damaged(error.to_string()))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_their_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("profile.csv");
        let row = |launch, symbol: &str| ProfileRecord {
            launch,
            request: 3,
            phase: RequestPhase::Infer,
            class: Class::Dispatch,
            symbol: symbol.into(),
            object: "python.wasm".into(),
            charged_to: String::new(),
            count: 2,
        };
        let rows = [row(0, "void sort<int, \"a\">(int*, long)"), row(1, "")];
        let mut writer = ProfileWriter::open(&path, 0).expect("opened");
        let first = writer.append(&rows[..1]).expect("appended");
        let second = writer.append(&rows[1..]).expect("appended");
        let read = |bytes| {
            let mut found = Vec::new();
            read_profile_records(&path, bytes, |row| found.push(row)).expect("read");
            found
        };
        assert_eq!(read(second), rows);
        assert_eq!(read(first), rows[..1]);
    }

    #[test]
    fn what_is_no_profile_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("profile.csv");
        for text in
            ["launch,request\n", &format!("{}\n1,2,infer,sleep,a,b,,1\n", COLUMNS.join(","))]
        {
            std::fs::write(&path, text).expect("written");
            assert!(read_profile_records(&path, text.len() as u64, |_| {}).is_err(), "{text}");
        }
    }
}
