//! CSV files that grow launch by launch.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Take, Write};
use std::path::Path;

use crate::RecordError;

/// The first `bytes` of such a file, which must have them.
pub(crate) fn open_whole(path: &Path, bytes: u64) -> Result<Take<File>, RecordError> {
    let io_error = |source| RecordError::io(path, source);
    let file = File::open(path).map_err(io_error)?;
    let length = file.metadata().map_err(io_error)?.len();
    if length < bytes {
        let reason = format!(
            "it holds {length} bytes where run.json promises {bytes}; copy the run directory again"
        );
        return Err(RecordError::Damaged { path: path.to_owned(), reason });
    }
    Ok(file.take(bytes))
}

/// A file that is only ever appended to.
#[derive(Debug)]
pub(crate) struct Appended {
    file: File,
    bytes: u64,
}

impl Appended {
    /// Opens `path` and cuts it to `bytes`, dropping what a killed run left of
    /// a launch in flight. A new file begins with `header`.
    pub(crate) fn open(path: &Path, bytes: u64, header: &str) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.set_len(bytes)?;
        file.seek(SeekFrom::End(0))?;
        let mut appended = Self { file, bytes };
        if bytes == 0 {
            appended.append(header.as_bytes())?;
        }
        Ok(appended)
    }

    /// Appends `text` and returns the file's new length.
    pub(crate) fn append(&mut self, text: &[u8]) -> io::Result<u64> {
        self.file.write_all(text)?;
        self.file.sync_data()?;
        self.bytes += text.len() as u64;
        Ok(self.bytes)
    }

    /// The file's length.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}
