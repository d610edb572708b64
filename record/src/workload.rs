//! A workload as it was measured.

use serde::{Deserialize, Serialize};

use crate::CrossingPlan;

/// A workload as it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WorkloadRecord {
    /// Its name: the folder's.
    pub name: String,
    /// One line: what it is.
    pub title: String,
    /// What kind of inference path it stands for.
    pub stands_for: String,
    /// Where data and model come from.
    pub data: String,
    /// Expected dominant cost class.
    pub dominant: String,
    /// Import names it needs.
    pub packages: Vec<String>,
    /// How responses are compared.
    pub tolerance: Tolerance,
    /// Why responses elsewhere may differ from native's, as its author found;
    /// none in runs made before this was noted.
    #[serde(default)]
    pub deviations: Vec<DeviationCause>,
    /// What proves the model real, for example `accuracy on ... : 0.97`.
    pub accuracy: String,
    /// SHA-256 of `workload.py`.
    pub code_sha256: String,
    /// SHA-256 over the assets' names and contents.
    pub assets_sha256: String,
    /// Size of all assets.
    pub assets_bytes: u64,
    /// What it measures of the boundary; none but of lab workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<CrossingPlan>,
}

/// How two responses to one request are compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Tolerance {
    /// How the bytes are read.
    pub format: OutputFormat,
    /// Largest `|a - b|` allowed on top of the relative part.
    pub absolute: f64,
    /// Largest `|a - b| / |b|` allowed, `b` being native's.
    pub relative: f64,
}

/// How response bytes are read when they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutputFormat {
    /// As they are: equal or not.
    Bytes,
    /// Little-endian IEEE 754 single precision.
    F32,
    /// Little-endian IEEE 754 double precision.
    F64,
    /// JSON text: numbers within the tolerance, everything else as it is.
    Json,
}

/// Why the same code on the same data gives other numbers elsewhere.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum DeviationCause {
    /// Floating-point addition is not associative, and BLAS kernels and SIMD
    /// loops of different width add in different orders.
    SummationOrder,
    /// C libraries, and numpy's SIMD versions of their functions, differ in
    /// the last digits of `exp`, `log`, `sin` and their kin: IEEE 754 asks
    /// for exact rounding of none of them.
    Libm,
    /// A product and a sum rounded once where the processor does both in one
    /// instruction, and twice where it does not: WebAssembly has no such
    /// instruction, but for relaxed SIMD.
    FusedMultiplyAdd,
    /// Where pointers have 32 bits, so has numpy's default integer.
    IntegerWidth,
}

impl DeviationCause {
    /// What a reader calls it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::SummationOrder => "summation order of BLAS and SIMD",
            Self::Libm => "last digits of libm",
            Self::FusedMultiplyAdd => "fused multiply-add",
            Self::IntegerWidth => "32-bit default integers",
        }
    }
}
