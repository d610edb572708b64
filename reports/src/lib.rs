//! What measurements mean and how they look.
//!
//! [`analyze`] reads a run directory and computes every figure once;
//! [`write()`] renders them as one self-contained HTML file and a Markdown
//! summary, [`summary`] as a table for a terminal. The same run directory
//! always gives the same bytes: bootstrap intervals draw from a fixed seed,
//! and nothing depends on the time, the machine or the order of a hash map.

pub mod analysis;
mod banners;
pub mod boundary;
mod calibration;
mod charts;
pub mod comparison;
mod figures;
mod format;
mod headline;
mod html;
mod icicle;
mod live;
mod markdown;
mod paths;
mod places;
mod profile;
mod samples;
mod site;
mod statistics;
mod summary;
mod tables;
pub mod verdict;
pub mod warnings;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use analysis::{Analysis, CostClass};
pub use boundary::Lab;
pub use calibration::{Calibrated, Mix, calibrated};
pub use charts::ChartError;
pub use live::{Live, Programs};
pub use site::publish;
pub use statistics::{Estimate, Interval};
pub use summary::summary;
use wasmfit_record::{RecordError, RunDirectory};

/// Where the report of a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// One self-contained file for a browser.
    pub html: PathBuf,
    /// The same figures as Markdown.
    pub markdown: PathBuf,
}

/// A report that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The run directory cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A chart cannot be drawn.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// The figures cannot be written as CSV.
    #[error("cannot write the figures: {0}")]
    Figures(#[from] csv::Error),
    /// A template cannot be filled in.
    #[error("cannot render the report: {0}")]
    Template(#[from] askama::Error),
    /// The report cannot be written.
    #[error("cannot write {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The file system's reason.
        source: io::Error,
    },
}

impl ReportError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// Reads the run in `folder` and computes every figure of its report.
pub fn analyze(folder: &Path) -> Result<Analysis, RecordError> {
    let run = RunDirectory::read(folder)?;
    let (samples, count) = samples::read(folder, &run)?;
    let profiles = profile::read(folder, &run)?;
    let crossings = boundary::read(folder, &run)?;
    Ok(analysis::of_run(&run, &samples, count, &profiles, &crossings))
}

/// Writes `report.html` and `report.md` into the run directory `folder`.
pub fn write(folder: &Path) -> Result<Report, ReportError> {
    render(folder, &analyze(folder)?)
}

/// Writes the report of a run that is already analyzed.
pub fn render(folder: &Path, analysis: &Analysis) -> Result<Report, ReportError> {
    let report = Report { html: folder.join("report.html"), markdown: folder.join("report.md") };
    let html = html::render(analysis)?;
    let markdown = markdown::render(analysis)?;
    replace(&report.html, &html)?;
    replace(&report.markdown, &markdown)?;
    Ok(report)
}

/// Writes beside `path` first, so that a reader never sees half a report.
fn replace(path: &Path, text: &str) -> Result<(), ReportError> {
    let draft = path.with_added_extension("draft");
    let written = fs::write(&draft, text).and_then(|()| fs::rename(&draft, path));
    written.map_err(|source| {
        // What is left of the draft is of no use; the first error counts.
        let _ = fs::remove_file(&draft);
        ReportError::io(path, source)
    })
}
