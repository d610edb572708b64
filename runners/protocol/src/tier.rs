//! What a runner says of its tiers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Boundary, Interpreter};

/// A way in which a runtime executes code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Tier {
    /// Its name in targets.
    pub name: String,
    /// What becomes of the guest's code.
    #[serde(default)]
    pub execution: Execution,
    /// Why it is measured only when it is named; `None` for a tier that is
    /// measured without being asked for.
    #[serde(default)]
    pub opt_in: Option<String>,
    /// The proposals that it does not take, with the runtime's own error.
    #[serde(default)]
    pub lacks: BTreeMap<Proposal, String>,
    /// The guests that it does not take for what is around their modules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refuses: Vec<Refusal>,
    /// What it adds to another tier of the runtime, of which it is otherwise
    /// the same; `None` for a tier of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}

impl Tier {
    /// A tier that compiles, is measured without being asked for, and lacks
    /// nothing yet known.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let execution = Execution::Compiled;
        Self {
            name: name.into(),
            execution,
            opt_in: None,
            lacks: BTreeMap::new(),
            refuses: Vec::new(),
            limit: None,
        }
    }

    /// Why it refuses a guest; nothing where it does not.
    #[must_use]
    pub fn refusal(&self, boundary: Boundary, interpreter: Interpreter) -> Option<&str> {
        let concerns = |it: &&Refusal| match it.guests {
            Refused::Boundary(refused) => refused == boundary,
            Refused::Interpreter(refused) => refused == interpreter,
        };
        self.refuses.iter().find(concerns).map(|it| &*it.reason)
    }

    /// The same for a tier that interprets.
    #[must_use]
    pub fn interpreter(name: &str) -> Self {
        Self { execution: Execution::Interpreted, ..Self::new(name) }
    }

    /// The tier `base` with a limit. It is there to be compared with `base`,
    /// and measured only when it is named.
    #[must_use]
    pub fn limited(name: &str, base: &str, kind: LimitKind) -> Self {
        let opt_in = Some(format!("{base} {}, to see what that costs", kind.phrase()));
        let limit = Some(Limit { kind, base: base.into() });
        Self { opt_in, limit, ..Self::new(name) }
    }
}

/// Guests that a tier does not take, whatever their modules need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Refusal {
    /// Which.
    pub guests: Refused,
    /// Why, as a clause about the guest.
    pub reason: String,
}

/// Which guests are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Refused {
    /// Those that requests reach so.
    Boundary(Boundary),
    /// Those that are such an interpreter.
    Interpreter(Interpreter),
}

/// What tells a tier from another one that is otherwise the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Limit {
    /// What it is.
    pub kind: LimitKind,
    /// The tier without it.
    pub base: String,
}

/// How an embedder keeps a guest within bounds, as far as that may cost
/// something while the guest runs.
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
#[serde(rename_all = "kebab-case")]
pub enum LimitKind {
    /// Instructions are counted, and the guest ends when its budget is spent:
    /// Wasmtime's fuel, Wasmer's metering, WasmEdge's gas.
    Budget,
    /// The guest looks at a clock or a flag of the host's, and ends when it is
    /// told to.
    Deadline,
    /// Each access to memory is compared with its size, where otherwise pages
    /// that nobody may touch lie behind it: for hosts that cannot spare the
    /// address space.
    BoundsChecks,
    /// None, where the tier compared with has a limit of memory.
    NoMemoryLimit,
    /// A new guest serves each request, so that none sees what another has
    /// left behind.
    Fresh,
}

impl LimitKind {
    /// What a reader calls it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Budget => "instruction budget",
            Self::Deadline => "deadline",
            Self::BoundsChecks => "explicit bounds checks",
            Self::NoMemoryLimit => "no memory limit",
            Self::Fresh => "new guest per request",
        }
    }

    /// The same behind the name of a tier.
    const fn phrase(self) -> &'static str {
        match self {
            Self::Budget => "with an instruction budget",
            Self::Deadline => "with a deadline",
            Self::BoundsChecks => "with explicit bounds checks",
            Self::NoMemoryLimit => "without a memory limit",
            Self::Fresh => "with a new guest for each request",
        }
    }
}

/// How a tier executes code, which decides what it may be compared with.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Execution {
    /// As machine code.
    #[default]
    Compiled,
    /// By an interpreter, be it of byte code compiled ahead.
    Interpreted,
}

impl Execution {
    /// The name used in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compiled => "compiled",
            Self::Interpreted => "interpreted",
        }
    }
}

/// WebAssembly proposals beyond the first version of the standard that guests
/// need and that not every tier takes. Names are those of the proposals'
/// repositories, shortened where the field does.
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
#[serde(rename_all = "kebab-case")]
pub enum Proposal {
    /// `memory.copy` and its kin.
    BulkMemory,
    /// `try_table`, `throw` and `throw_ref`: the standardized form, which has
    /// exception references.
    Exceptions,
    /// Blocks and functions with several results.
    MultiValue,
    /// `externref`, `funcref` and several tables.
    ReferenceTypes,
    /// `i32.extend8_s` and its kin.
    SignExtension,
    /// `i32.trunc_sat_f32_s` and its kin.
    SaturatingFloatToInt,
    /// `v128`.
    Simd,
    /// `return_call`.
    TailCall,
    /// Components, and the canonical ABI by which they are called.
    ComponentModel,
}

impl Proposal {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::BulkMemory,
        Self::Exceptions,
        Self::MultiValue,
        Self::ReferenceTypes,
        Self::SignExtension,
        Self::SaturatingFloatToInt,
        Self::Simd,
        Self::TailCall,
        Self::ComponentModel,
    ];

    /// What a reader calls it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::BulkMemory => "bulk memory operations",
            Self::Exceptions => "exception handling",
            Self::MultiValue => "multiple values",
            Self::ReferenceTypes => "reference types",
            Self::SignExtension => "sign-extension operators",
            Self::SaturatingFloatToInt => "saturating float-to-int conversions",
            Self::Simd => "fixed-width SIMD",
            Self::TailCall => "tail calls",
            Self::ComponentModel => "the component model",
        }
    }
}
