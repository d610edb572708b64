//! How the command ends: every exit code and what it means.

use std::process::ExitCode;

use wasmfit_record::{MergeError, RecordError};
use wasmfit_reports::ReportError;

/// How a command ended. Documented in the help of `wasmfit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Everything asked for was done.
    Done,
    /// Measured, but a cell failed, `check` found a fault, `runner-check` found
    /// the protocol broken, `doctor` found something to mend, or `calibrate` found the attribution too far off.
    WithFailures,
    /// A comparison found what `--fail-on` names.
    Changed,
    /// Ctrl-C or a termination signal; what was measured is kept.
    Interrupted,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Done => Self::SUCCESS,
            Ending::WithFailures => 1.into(),
            Ending::Changed => 6.into(),
            Ending::Interrupted => 130.into(),
        }
    }
}

/// What every exit code means, for the help text.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    measured, but a cell failed (the report says which and why), check
       found a fault, runner-check found the protocol broken, doctor found
       something to mend, or calibrate found the attribution further off than
       3 percentage points on average or 6 at worst
  2    wrong usage: an unknown option, workload, target or file name
  3    set-up is missing: no Python, guest or runner to measure with
  4    a run directory is missing, damaged, of a later version, or belongs to
       other workloads than are here now
  5    the file system refused, for example a full disk; what was measured
       before is kept
  6    compared, and found what --fail-on names: a cell got slower, larger or
       broken, unless told otherwise
  130  interrupted; what was measured is kept, `--resume` goes on";

/// A command that could not do what it was asked. Its message is one line:
/// what, why, remedy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Exit code 3.
    #[error("{0}")]
    Setup(String),
    /// Exit codes 4 and 5.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Exit codes 4 and 5.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// Exit codes 4 and 5.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// Exit code 4.
    #[error("{0}")]
    Run(String),
    /// Exit code 5.
    #[error("{0}")]
    Storage(String),
}

impl CommandError {
    pub(crate) fn code(&self) -> ExitCode {
        let code = match self {
            Self::Usage(_) => 2,
            Self::Setup(_) => 3,
            Self::Record(RecordError::Io { .. })
            | Self::Report(ReportError::Io { .. } | ReportError::Record(RecordError::Io { .. }))
            | Self::Merge(MergeError::Record(RecordError::Io { .. }))
            | Self::Storage(_) => 5,
            Self::Record(_) | Self::Report(_) | Self::Merge(_) | Self::Run(_) => 4,
        };
        code.into()
    }
}
