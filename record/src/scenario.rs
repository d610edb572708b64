//! Deployment shapes, and what each asks of a port.

use serde::{Deserialize, Serialize};

/// A deployment shape: what it cannot do without, and what a request may cost
/// there. What it says nothing about, it does not ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Scenario {
    /// Its name: the file's.
    pub name: String,
    /// One line: what it is.
    pub title: String,
    /// What kind of deployment it stands for.
    pub stands_for: String,
    /// What it cannot do without.
    pub needs: Vec<Need>,
    /// Import names that the guest must have beyond those of the workload.
    pub packages: Vec<String>,
    /// What a request, a start and an instance may take.
    pub budgets: Budgets,
    /// What computing is paid by; none where no cost is asked for.
    pub price: Option<Price>,
}

/// What a deployment cannot do without.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Code must not reach what it was not given.
    Isolation,
    /// One artifact for every processor and system.
    Portability,
    /// It runs in a browser.
    Browser,
    /// A GPU or another accelerator.
    Gpu,
    /// Threads that share memory.
    Threads,
    /// Sockets that the code itself opens.
    Network,
    /// Files that the code itself opens.
    Filesystem,
}

impl Need {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Isolation,
        Self::Portability,
        Self::Browser,
        Self::Gpu,
        Self::Threads,
        Self::Network,
        Self::Filesystem,
    ];

    /// The name used in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Isolation => "isolation",
            Self::Portability => "portability",
            Self::Browser => "browser",
            Self::Gpu => "gpu",
            Self::Threads => "threads",
            Self::Network => "network",
            Self::Filesystem => "filesystem",
        }
    }
}

/// Upper limits; none where there is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Budgets {
    /// Median latency of a request.
    pub p50_ns: Option<u64>,
    /// 99th percentile of it.
    pub p99_ns: Option<u64>,
    /// Process start to first response.
    pub cold_start_ns: Option<u64>,
    /// What is deployed: guest, standard library and packages, and the
    /// workload's assets.
    pub size_bytes: Option<u64>,
    /// The same, the guest after gzip: what is sent to where it runs.
    pub compressed_bytes: Option<u64>,
    /// Peak resident set of an instance.
    pub memory_bytes: Option<u64>,
    /// Latency over native's.
    pub slowdown: Option<f64>,
    /// US dollars per million requests, by [`Scenario::price`].
    pub cost_per_million: Option<f64>,
}

/// What computing is paid by, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Price {
    /// For a gigabyte, 2^30 bytes, held for a second.
    pub gigabyte_second: f64,
    /// For a million requests, whatever they take.
    pub million_requests: f64,
    /// The least memory that is billed.
    pub least_memory_bytes: u64,
}
