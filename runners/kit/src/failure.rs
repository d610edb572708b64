//! Making failures.

use wasmfit_protocol::{Failure, FailureKind, FramesError};

/// A failure without further detail.
#[must_use]
pub fn failure(kind: FailureKind, during: &str, message: &str) -> Failure {
    Failure { kind, during: during.into(), message: message.into(), detail: String::new() }
}

pub(crate) fn storage(error: &FramesError, during: &str) -> Failure {
    failure(FailureKind::Storage, during, &error.to_string())
}
