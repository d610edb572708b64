//! How guests end other than by being told to.

use std::fmt::Display;

use wasmfit_protocol::{Failure, FailureKind};

/// What a runtime knows of a guest that ended on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It asked for more memory than the job's limit.
    MemoryRefused {
        /// The limit.
        limit_bytes: u64,
    },
    /// It printed more than the job's limit.
    Printed {
        /// The limit.
        limit_bytes: u64,
    },
    /// It ended its program.
    Exited(i32),
    /// It trapped.
    Trapped {
        /// Why.
        reason: String,
        /// The guest's functions, the innermost first, a line each; empty
        /// where the runtime does not tell.
        backtrace: String,
    },
    /// The runtime could not run it, for this reason.
    NotRun(String),
}

impl Trouble {
    /// The runtime could not run it.
    pub fn not_run(reason: impl Display) -> Self {
        Self::NotRun(reason.to_string())
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        let (kind, message) = match trouble {
            Trouble::MemoryRefused { limit_bytes } => {
                let limit = limit_bytes >> 20;
                let message =
                    format!("the guest needs more than its {limit} MiB of memory: raise --memory");
                (FailureKind::Memory, message)
            }
            Trouble::Printed { limit_bytes } => {
                (FailureKind::Output, crate::watch::printed_too_much(limit_bytes))
            }
            Trouble::Exited(code) => {
                (FailureKind::Trap, format!("the guest ended with exit code {code}"))
            }
            Trouble::Trapped { reason, backtrace } => {
                let message = format!("the guest trapped: {reason}");
                return Self {
                    detail: backtrace,
                    ..Self::new(FailureKind::Trap, "guest", message)
                };
            }
            Trouble::NotRun(reason) => {
                (FailureKind::Trap, format!("the guest could not run: {reason}"))
            }
        };
        Self::new(kind, "guest", message)
    }
}
