//! What is measured and on what: cases and targets, and how they are written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A workload at one batch size.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Case {
    /// The workload's name.
    pub workload: String,
    /// Items per request; `None` where the workload knows no batches.
    pub batch: Option<u32>,
}

impl fmt::Display for Case {
    /// `digits-mlp-numpy` or `digits-mlp-numpy/batch-64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.batch {
            None => f.write_str(&self.workload),
            Some(batch) => write!(f, "{}/batch-{batch}", self.workload),
        }
    }
}

/// What a case runs on, written `runtime/tier@guest` or `native@guest`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(into = "String", try_from = "String")]
pub struct Target {
    /// What executes the guest: `native`, `wasmtime`, ...
    pub runtime: String,
    /// How; empty natively.
    pub tier: String,
    /// The interpreter build.
    pub guest: String,
}

impl Target {
    /// The runtime name of native CPython.
    pub const NATIVE: &'static str = "native";

    /// Whether this is the baseline that others are compared with.
    #[must_use]
    pub fn is_native(&self) -> bool {
        self.runtime == Self::NATIVE
    }

    /// Whether this is the same target in another version: natively whatever
    /// Python there is.
    #[must_use]
    pub fn is_twin_of(&self, other: &Self) -> bool {
        self == other || (self.is_native() && other.is_native())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runtime, tier, guest } = self;
        if tier.is_empty() {
            write!(f, "{runtime}@{guest}")
        } else {
            write!(f, "{runtime}/{tier}@{guest}")
        }
    }
}

/// A target's name that does not read as one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no target: write RUNTIME/TIER@GUEST, for example wasmtime/cranelift@cpython-3.15, or native@GUEST"
)]
pub struct TargetError(String);

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(name: &str) -> Result<Self, TargetError> {
        let error = || TargetError(name.to_owned());
        let (executor, guest) = name.split_once('@').ok_or_else(error)?;
        let (runtime, tier) = executor.split_once('/').unwrap_or((executor, ""));
        let named = |part: &str| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        };
        let tier_fits = if runtime == Self::NATIVE { executor == runtime } else { named(tier) };
        if !named(runtime) || !named(guest) || !tier_fits {
            return Err(error());
        }
        Ok(Self { runtime: runtime.to_owned(), tier: tier.to_owned(), guest: guest.to_owned() })
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

impl TryFrom<String> for Target {
    type Error = TargetError;

    fn try_from(name: String) -> Result<Self, TargetError> {
        name.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_survive_their_names() {
        for name in ["native@cpython-3.15", "wasmtime/cranelift@cpython-3.15", "mock/a@b"] {
            assert_eq!(name.parse::<Target>().map(|target| target.to_string()), Ok(name.into()));
        }
    }

    #[test]
    fn names_that_are_no_targets_are_refused() {
        for name in [
            "",
            "native",
            "@",
            "native@",
            "@cpython-3.15",
            "wasmtime@cpython-3.15",
            "native/jit@x",
            "native/@x",
            "wasmtime/@x",
            "a/b/c@d",
            "a/b@c@d",
            "wasmtime/cranelift@../x",
            "a b/c@d",
        ] {
            assert!(name.parse::<Target>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_case_names_its_batch() {
        let case = |batch| Case { workload: "w".into(), batch };
        assert_eq!(case(None).to_string(), "w");
        assert_eq!(case(Some(64)).to_string(), "w/batch-64");
    }
}
