//! `samples.csv`: every raw sample of a run.

use std::fs::File;
use std::io;
use std::path::Path;

use wasmfit_protocol::{SAMPLE_COLUMNS, Sample};

use crate::RecordError;
use crate::appended::{Appended, open_whole};

/// One row: a sample and the launch it was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// [`crate::Launch::id`].
    pub launch: u32,
    /// The sample.
    pub sample: Sample,
}

/// Appends to `samples.csv`.
#[derive(Debug)]
pub struct SamplesWriter(Appended);

impl SamplesWriter {
    /// Opens `path` and cuts it to `bytes`, dropping what a killed run left
    /// of a launch in flight. A new file gets its header.
    pub fn open(path: &Path, bytes: u64) -> io::Result<Self> {
        let header = format!("launch,{}\n", SAMPLE_COLUMNS.join(","));
        Ok(Self(Appended::open(path, bytes, &header)?))
    }

    /// Appends the samples of one launch and returns the file's new length.
    pub fn append(&mut self, launch: u32, samples: &[Sample]) -> io::Result<u64> {
        let mut text = String::with_capacity(samples.len() * 48);
        for sample in samples {
            text.push_str(&launch.to_string());
            for field in sample.to_row() {
                text.push(',');
                text.push_str(&field);
            }
            text.push('\n');
        }
        self.0.append(text.as_bytes())
    }

    /// The file's length.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.bytes()
    }
}

/// Calls `each` on every row within the first `bytes` of the file.
pub fn read_samples(path: &Path, bytes: u64, mut each: impl FnMut(Row)) -> Result<(), RecordError> {
    let file = open_whole(path, bytes)?;
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 20).from_reader(file);
    let damaged = |line: u64| RecordError::Damaged {
        path: path.to_owned(),
        reason: format!("line {line} is no sample"),
    };
    let header = reader.byte_headers().map_err(|_| damaged(1))?;
    let expected = ["launch"].into_iter().chain(SAMPLE_COLUMNS).map(str::as_bytes);
    if !header.iter().eq(expected) {
        return Err(damaged(1));
    }
    let mut record = csv::ByteRecord::new();
    loop {
        let line = reader.position().line();
        if !reader.read_byte_record(&mut record).map_err(|_| damaged(line))? {
            return Ok(());
        }
        let mut fields = record.iter();
        let launch =
            fields.next().and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        match (launch, Sample::from_row(fields)) {
            (Some(launch), Some(sample)) => each(Row { launch, sample }),
            _ => return Err(damaged(line)),
        }
    }
}

/// Reads the `samples.csv` that a runner wrote for one launch.
pub fn read_launch_samples(path: &Path) -> Result<Vec<Sample>, RecordError> {
    let damaged = |reason: String| RecordError::Damaged { path: path.to_owned(), reason };
    let file = File::open(path).map_err(|source| RecordError::io(path, source))?;
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.byte_headers().map_err(|error| damaged(error.to_string()))?;
    if !header.iter().eq(SAMPLE_COLUMNS.map(str::as_bytes)) {
        return Err(damaged("its columns are not those of samples".into()));
    }
    let rows = reader.byte_records();
    rows.map(|row| {
        let row = row.map_err(|error| damaged(error.to_string()))?;
        Sample::from_row(row.iter()).ok_or_else(|| damaged(format!("{row:?} is no sample")))
    })
    .collect()
}
