//! Cost classes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a sample's time went to.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(into = "String", try_from = "String")]
pub enum Class {
    /// Interpreter: executing byte code.
    Eval,
    /// Interpreter: the object protocol.
    Objects,
    /// Interpreter: allocation, reference counts, garbage collection.
    Memory,
    /// Interpreter: what array libraries do around their kernels.
    Dispatch,
    /// Interpreter, and it is not known which part of it.
    Interpreter,
    /// Compiled code that does bulk work on data.
    Compute,
    /// Kernel, runtime and host calls.
    System,
    /// No rule knows.
    Unknown,
}

impl Class {
    /// All of them, in the order in which reports show them.
    pub const ALL: [Self; 8] = [
        Self::Eval,
        Self::Objects,
        Self::Memory,
        Self::Dispatch,
        Self::Interpreter,
        Self::Compute,
        Self::System,
        Self::Unknown,
    ];

    /// The name used in rules, files and reports: class and sub-class.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eval => "interpreter/eval",
            Self::Objects => "interpreter/objects",
            Self::Memory => "interpreter/memory",
            Self::Dispatch => "interpreter/dispatch",
            Self::Interpreter => "interpreter",
            Self::Compute => "compute",
            Self::System => "system",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is a part of the interpreter's cost.
    #[must_use]
    pub const fn is_interpreter(self) -> bool {
        match self {
            Self::Eval | Self::Objects | Self::Memory | Self::Dispatch | Self::Interpreter => true,
            Self::Compute | Self::System | Self::Unknown => false,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no class's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no cost class: there are {}", Class::ALL.map(Class::name).join(", "))]
pub struct ClassError {
    /// What was given.
    name: String,
}

impl FromStr for Class {
    type Err = ClassError;

    fn from_str(name: &str) -> Result<Self, ClassError> {
        let found = Self::ALL.into_iter().find(|class| class.name() == name);
        found.ok_or_else(|| ClassError { name: name.to_owned() })
    }
}

impl From<Class> for String {
    fn from(class: Class) -> Self {
        class.name().to_owned()
    }
}

impl TryFrom<String> for Class {
    type Error = ClassError;

    fn try_from(name: String) -> Result<Self, ClassError> {
        name.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_survive_their_names() {
        for class in Class::ALL {
            assert_eq!(class.name().parse(), Ok(class));
        }
        assert!("interpreter/naps".parse::<Class>().is_err());
    }
}
