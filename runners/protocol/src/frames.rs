//! Bulk data by file: byte strings one after the other, each behind its
//! length as a little-endian `u64`.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// A frames file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FramesError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// The file ends within a frame.
    #[error("{path}: damaged: frame {index} promises {promised} bytes and the file ends before")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Which frame, from 0.
        index: usize,
        /// Its stated length.
        promised: u64,
    },
}

/// Writes a frames file.
#[derive(Debug)]
pub struct FramesWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl FramesWriter {
    /// Makes `path`, replacing what was there.
    pub fn create(path: &Path) -> Result<Self, FramesError> {
        let file = File::create(path)
            .map_err(|source| FramesError::Io { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Appends a frame.
    pub fn push(&mut self, frame: &[u8]) -> Result<(), FramesError> {
        let length = (frame.len() as u64).to_le_bytes();
        let written = self.file.write_all(&length).and_then(|()| self.file.write_all(frame));
        written.map_err(|source| FramesError::Io { path: self.path.clone(), source })
    }

    /// Writes out what is still buffered.
    pub fn finish(mut self) -> Result<(), FramesError> {
        self.file.flush().map_err(|source| FramesError::Io { path: self.path.clone(), source })
    }
}

/// Reads a frames file, frame by frame.
#[derive(Debug)]
pub struct FramesReader {
    path: PathBuf,
    file: BufReader<File>,
    index: usize,
}

impl FramesReader {
    /// Opens `path`.
    pub fn open(path: &Path) -> Result<Self, FramesError> {
        let file =
            File::open(path).map_err(|source| FramesError::Io { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file: BufReader::new(file), index: 0 })
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>, FramesError> {
        let io_error = |source| FramesError::Io { path: self.path.clone(), source };
        let mut length = [0; 8];
        match self.file.read(&mut length[..1]).map_err(io_error)? {
            0 => return Ok(None),
            _ => self.file.read_exact(&mut length[1..]).map_err(io_error)?,
        }
        let promised = u64::from_le_bytes(length);
        let mut frame = Vec::new();
        // `take` keeps a damaged length from allocating what is not there.
        (&mut self.file).take(promised).read_to_end(&mut frame).map_err(io_error)?;
        if frame.len() as u64 != promised {
            let (path, index) = (self.path.clone(), self.index);
            return Err(FramesError::Truncated { path, index, promised });
        }
        self.index += 1;
        Ok(Some(frame))
    }
}

impl Iterator for FramesReader {
    type Item = Result<Vec<u8>, FramesError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("x.frames");
        std::fs::write(&path, bytes).expect("a file");
        (folder, path)
    }

    #[test]
    fn frames_survive_the_file() {
        let (_folder, path) = file(b"");
        let long = vec![0; 100_000];
        let frames: [&[u8]; 3] = [b"one", b"", &long];
        let mut writer = FramesWriter::create(&path).expect("created");
        for frame in frames {
            writer.push(frame).expect("pushed");
        }
        writer.finish().expect("finished");
        let read: Vec<Vec<u8>> =
            FramesReader::open(&path).expect("opened").map(|frame| frame.expect("read")).collect();
        assert_eq!(read, frames);
    }

    #[test]
    fn a_length_beyond_the_file_is_named_and_not_allocated() {
        let (_folder, path) = file(&u64::MAX.to_le_bytes());
        let error = FramesReader::open(&path).expect("opened").next().expect("a frame");
        assert!(matches!(error, Err(FramesError::Truncated { index: 0, .. })), "{error:?}");
    }

    #[test]
    fn a_torn_length_is_an_error() {
        let (_folder, path) = file(&[1, 0, 0]);
        let frame = FramesReader::open(&path).expect("opened").next().expect("a frame");
        assert!(matches!(frame, Err(FramesError::Io { .. })), "{frame:?}");
    }
}
