//! Workloads without their Python, or without part of it.

use serde::{Deserialize, Serialize};

/// How a cell's workload was rewritten, and what was made of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RewriteRecord {
    /// What of it.
    pub part: RewrittenPart,
    /// In what, as a reader calls it.
    pub title: String,
    /// What compiled it, or runs it, with its version.
    pub compiler: String,
    /// How that was called, without folders.
    pub command: String,
    /// Size of what was made.
    pub bytes: u64,
    /// SHA-256 of it, hexadecimal.
    pub sha256: String,
}

/// What of a workload is not its Python any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RewrittenPart {
    /// `load` and `infer`: Python calls compiled code.
    Inference,
    /// All of it: there is no Python.
    Whole,
    /// The model, as ONNX: Python around a runtime for that, or none.
    Model,
    /// Nothing: it is packed in another way.
    Nothing,
}
