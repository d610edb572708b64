//! What is asked of a cell, held against what is known of it.

use std::collections::BTreeMap;

use wasmfit_protocol::{ColdPhase, FailureKind, Start};
use wasmfit_record::{GuestRecord, Making, Need, Price, Rung, Scenario, Target};

use super::requirement::{Asked, Figure, Outcome, Requirement};
use crate::analysis::{
    Analysis, CaseAnalysis, CellAnalysis, CellState, ColdStart, Measured, Outputs,
};
use crate::statistics::{Estimate, Interval};

/// The runtime whose figures stand for a browser's: one.
const BROWSER: &str = "chromium";
/// Its tier on the network that [`Scenario`]s in a page count with.
const MOBILE: &str = "worker-4g";

/// A cell held against a scenario.
pub(super) struct Held {
    pub(super) requirements: Vec<Requirement>,
    /// Without which it would come out worse.
    pub(super) conditions: Vec<String>,
}

/// Holds a cell of `case` against `scenario`. `assets_bytes` are the
/// workload's.
pub(super) fn hold(
    scenario: &Scenario,
    analysis: &Analysis,
    case: &CaseAnalysis,
    cell: &CellAnalysis,
    assets_bytes: u64,
) -> Held {
    let guest = analysis.guests.iter().find(|it| it.name == cell.target.guest);
    let (measured, native) = (cell.measured(), case.native());
    let mut requirements = vec![runs(&cell.state), same_answers(&cell.state)];
    let provided = |need: &Need| provided(*need, &cell.target, measured);
    requirements.extend(scenario.needs.iter().map(provided));
    requirements.extend(packages(&scenario.packages, guest));
    let limit = scenario.budgets.cold_start_ns;
    let cold = limit.zip(measured).and_then(|(it, measured)| cold_start(measured, it as f64));
    requirements.extend(budgets(scenario, measured, cold, guest, assets_bytes));
    let mut conditions = Vec::new();
    if cold.is_some_and(|it| it.start == Start::Snapshot) {
        conditions.push("needs a snapshot of the initialised interpreter".to_owned());
    }
    conditions.extend(cold.and_then(|_| near_server(&cell.target)));
    conditions.extend(guest.and_then(|it| it.made.as_ref()).into_iter().flat_map(of_making));
    conditions.extend(measured.and_then(|_| other_versions(analysis, &cell.target)));
    conditions.extend(scenario.budgets.slowdown.and_then(|_| paging_natively(native)));
    Held { requirements, conditions }
}

/// A page's cold start is mostly the network's, unless that was pretended.
fn near_server(target: &Target) -> Option<String> {
    let is_near = target.runtime == BROWSER && matches!(&*target.tier, "worker" | "main-thread");
    let condition =
        || format!("starts as fast over a network that costs nothing: measure {BROWSER}/{MOBILE}");
    is_near.then(condition)
}

/// What a deployment has to do to have this guest, and what it then lacks.
fn of_making(made: &Making) -> Vec<String> {
    let snapshot = match (made.rung, made.random_state) {
        (Some(Rung::Snapshot), _) => Some("needs a snapshot of the initialised interpreter"),
        (_, Some(_)) => Some("needs a snapshot with the model loaded"),
        (_, None) => None,
    };
    let trimmed = made.closed_world.map(|closed| {
        let to = match made.workloads.len() {
            0 | 1 => "the workload".to_owned(),
            several => format!("{several} workloads"),
        };
        let thrown = if closed.without_exceptions { ", and any C++ exception does" } else { "" };
        format!(
            "needs a guest trimmed to {to}: what {} requests did not reach may trap{thrown}",
            closed.requests
        )
    });
    snapshot.map(str::to_owned).into_iter().chain(trimmed).collect()
}

fn runs(state: &CellState) -> Requirement {
    let fact = |outcome, because: String| Requirement::fact(Asked::Runs, outcome, because);
    match state {
        CellState::Measured(_) => fact(Outcome::Passed, "every request was answered".into()),
        CellState::Pending => fact(Outcome::Unknown, "it was not measured".into()),
        CellState::Unsupported { reason } => fact(Outcome::Failed, reason.clone()),
        CellState::Failed { failure, .. } => {
            let because = format!("during {}: {}", failure.during, failure.message);
            fact(if is_ours(failure.kind) { Outcome::Unknown } else { Outcome::Failed }, because)
        }
    }
}

/// Whether a failure says something of the measurement rather than of what
/// was measured.
const fn is_ours(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Protocol
        | FailureKind::Guest
        | FailureKind::Storage
        | FailureKind::Runner
        | FailureKind::NotStarted
        | FailureKind::Signal
        | FailureKind::Garbage
        | FailureKind::Vanished
        | FailureKind::Silent => true,
        FailureKind::Unsupported
        | FailureKind::Contract
        | FailureKind::Raised
        | FailureKind::Unsteady
        | FailureKind::Memory
        | FailureKind::Timeout
        | FailureKind::Output
        | FailureKind::Trap
        | FailureKind::OutputMismatch => false,
    }
}

fn same_answers(state: &CellState) -> Requirement {
    let fact = |outcome, because| Requirement::fact(Asked::SameAnswers, outcome, because);
    let mismatch = |kind| kind == FailureKind::OutputMismatch;
    match state {
        CellState::Failed { failure, .. } if mismatch(failure.kind) => {
            fact(Outcome::Failed, "beyond the workload's tolerance")
        }
        CellState::Measured(measured) => match measured.outputs {
            Outputs::Identical { .. } => fact(Outcome::Passed, "byte for byte"),
            Outputs::WithinTolerance { .. } => fact(Outcome::Passed, "within its tolerance"),
            Outputs::Baseline | Outputs::Unverified => {
                fact(Outcome::Unknown, "native was not measured")
            }
        },
        CellState::Pending | CellState::Unsupported { .. } | CellState::Failed { .. } => {
            fact(Outcome::Unknown, "it did not run")
        }
    }
}

/// What WASI preview 1 and the guests give and withhold, whatever the runtime
/// (github.com/WebAssembly/WASI, `legacy/preview1`).
fn provided(need: Need, target: &Target, measured: Option<&Measured>) -> Requirement {
    let told;
    let (outcome, because) = match need {
        Need::Isolation => {
            (Outcome::Passed, "linear memory, and no files but those of folders that are handed in")
        }
        Need::Portability => (
            Outcome::Passed,
            "one module for every processor that the runtime compiles for; compiled artifacts are not portable",
        ),
        Need::Browser if target.runtime == BROWSER => {
            let version = measured.map_or("", |it| it.runtime_version.as_str());
            told = format!("it was measured in Chromium {version}");
            (Outcome::Passed, told.trim_end())
        }
        Need::Browser => (Outcome::Unknown, "these are not a browser's figures"),
        Need::Gpu => (Outcome::Failed, "WASI preview 1 has no accelerator"),
        Need::Threads => (Outcome::Failed, "the guests have one thread"),
        Need::Network => (Outcome::Failed, "a guest of WASI preview 1 opens no socket"),
        Need::Filesystem => (Outcome::Passed, "folders that the host hands in"),
    };
    Requirement::fact(Asked::Need(need), outcome, because)
}

fn packages(wanted: &[String], guest: Option<&GuestRecord>) -> Option<Requirement> {
    if wanted.is_empty() {
        return None;
    }
    let (outcome, because) = match guest.and_then(|it| it.packages.as_ref()) {
        None => (Outcome::Unknown, "what the guest carries was not noted".to_owned()),
        Some(there) => {
            let missing: Vec<_> = wanted.iter().filter(|it| !there.contains(it)).cloned().collect();
            match &missing[..] {
                [] => (Outcome::Passed, "the guest carries them".to_owned()),
                missing => (Outcome::Failed, format!("the guest has no {}", missing.join(", "))),
            }
        }
    };
    Some(Requirement::fact(Asked::Packages(wanted.to_vec()), outcome, because))
}

fn budgets(
    scenario: &Scenario,
    measured: Option<&Measured>,
    cold: Option<&ColdStart>,
    guest: Option<&GuestRecord>,
    assets_bytes: u64,
) -> Vec<Requirement> {
    const MISSING: &str = "there is no figure";
    let latency = measured.and_then(|it| it.latency.as_ref());
    let p50 = latency.map(|it| it.median_ns);
    let memory = measured.and_then(Measured::peak_resident_bytes);
    let counted = |bytes: u64| Figure::Counted(bytes as f64);
    let hold = |(asked, limit): (Asked, f64)| {
        let (figure, missing) = match asked {
            Asked::P50 => (p50.map(Figure::Measured), MISSING),
            Asked::P99 => {
                let p99 = latency
                    .and_then(|it| Some(Estimate { value: it.p99_ns?, interval: it.p99_interval }));
                let figure = p99.or_else(|| beyond(p50, limit)).map(Figure::Measured);
                (figure, "a 99th percentile rests on 100 samples at least")
            }
            Asked::ColdStart => (cold.map(|it| Figure::Measured(it.total_ns)), MISSING),
            Asked::Size => (guest.map(|it| counted(total(&it.bytes) + assets_bytes)), MISSING),
            Asked::CompressedSize => {
                let compressed = guest.filter(|it| !it.gzip_bytes.is_empty());
                let figure = compressed.map(|it| counted(total(&it.gzip_bytes) + assets_bytes));
                (figure, "it was not compressed")
            }
            Asked::Memory => (memory.map(counted), MISSING),
            Asked::Slowdown => {
                let ratio = measured.and_then(|it| it.ratio);
                (ratio.map(|it| Figure::Measured(it.times_native)), "native was not measured")
            }
            Asked::CostPerMillion => {
                let cost = scenario.price.and_then(|price| Some(cost(price, p50?, memory?)));
                (cost.map(Figure::Measured), MISSING)
            }
            // These have no budgets.
            Asked::Runs | Asked::SameAnswers | Asked::Need(_) | Asked::Packages(_) => {
                (None, MISSING)
            }
        };
        let mut held = Requirement::budget(asked, limit, figure, missing);
        if let (Asked::ColdStart, Some(cold)) = (&held.asked, cold) {
            held.because = begun_with(cold);
        }
        held
    };
    Asked::limits(&scenario.budgets).map(hold).collect()
}

/// A 99th percentile is no less than the median: where that alone is beyond
/// the budget, it stands for it.
fn beyond(p50: Option<Estimate>, limit: f64) -> Option<Estimate> {
    p50.filter(|it| it.interval.is_some_and(|interval| interval.low > limit))
}

/// The start that does best: the plain one, unless only a snapshot keeps the
/// budget, or neither does and the snapshot is nearer.
fn cold_start(measured: &Measured, limit: f64) -> Option<&ColdStart> {
    let of = |start| measured.cold_starts.iter().find(|it| it.start == start);
    let outcome = |it: &ColdStart| Figure::Measured(it.total_ns).against(limit);
    let is_nearer = |snapshot: &ColdStart, plain: &ColdStart| {
        outcome(plain) == Outcome::Failed && snapshot.total_ns.value < plain.total_ns.value
    };
    match (of(Start::Plain), of(Start::Snapshot)) {
        (Some(plain), Some(snapshot))
            if outcome(snapshot) < outcome(plain) || is_nearer(snapshot, plain) =>
        {
            Some(snapshot)
        }
        (plain, snapshot) => plain.or(snapshot),
    }
}

/// What a cold start began with.
fn begun_with(cold: &ColdStart) -> String {
    let loads = cold.phases.iter().any(|it| it.phase == ColdPhase::LoadArtifact);
    let compiled = if loads { ", compiled ahead of time" } else { "" };
    format!("{} start{compiled}", cold.start.name())
}

/// The module of a plain start, and what lies beside the modules.
fn total(files: &BTreeMap<String, u64>) -> u64 {
    let spare = if files.contains_key(Start::Plain.module()) {
        Start::Snapshot.module()
    } else {
        Start::Plain.module()
    };
    files.iter().filter(|(name, _)| *name != spare).map(|(_, bytes)| bytes).sum()
}

/// Of a million requests that take the median latency each.
fn cost(price: Price, p50: Estimate, memory_bytes: u64) -> Estimate {
    const REQUESTS: f64 = 1e6;
    let gigabytes = memory_bytes.max(price.least_memory_bytes) as f64 / (1_u64 << 30) as f64;
    let of =
        |ns: f64| price.million_requests + REQUESTS * ns / 1e9 * gigabytes * price.gigabyte_second;
    let interval = p50.interval.map(|it| Interval { low: of(it.low), high: of(it.high), ..it });
    Estimate { value: of(p50.value), interval }
}

/// A slowdown is another where native keeps its memory as a guest does.
fn paging_natively(native: Option<&Measured>) -> Option<String> {
    let paging = native?.weighty_paging()?;
    Some(format!(
        "holds against native as it comes, whose page faults are at least {:.0}% of its time",
        paging.share * 100.0
    ))
}

fn other_versions(analysis: &Analysis, target: &Target) -> Option<String> {
    let parity = analysis.parity.iter().find(|it| it.guest == target.guest)?;
    let differences: Vec<_> = parity
        .differences
        .iter()
        .map(|it| format!("{} {} instead of {}", it.of, it.guest, it.native))
        .collect();
    (!differences.is_empty())
        .then(|| format!("holds for other versions than native's: {}", differences.join(", ")))
}
