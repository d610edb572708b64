//! Checks a workload against its contract, beyond what its folder says:
//! whether requests and responses are the same from two loads and two
//! processes, whether the tolerance would notice a broken model, whether the
//! guests have its packages.
//!
//! What can only be seen from inside is tried by `examine.py`, natively; what
//! takes the real runners is measured like any run, with the least effort.

mod examination;
mod outputs;

use serde::Serialize;
use wasmfit_protocol::RequestPhase;
use wasmfit_reports::analysis::{CellAnalysis, CellState, Measured, Outputs};

use crate::drive::Interrupt;
use crate::exit::CommandError;
use crate::guests::Guest;
use crate::places::Places;
use crate::workloads::Workload;

/// The shortest and the longest `infer` that is worth measuring, in
/// nanoseconds: below, marks and clock weigh in; above, a quick run has too
/// few requests.
const INFER_RANGE_NS: std::ops::RangeInclusive<f64> = 20e3..=500e6;

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Finding {
    /// What it is about.
    pub(crate) topic: Topic,
    /// How it is to be taken.
    pub(crate) verdict: Verdict,
    /// One line.
    pub(crate) text: String,
}

/// What a finding is about, in the order of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Topic {
    /// The files of `assets/`.
    Assets,
    /// The functions and what `workload.toml` says of them.
    Contract,
    /// What the code does that it must not.
    Code,
    /// `make_request`.
    Requests,
    /// What is answered.
    Responses,
    /// What `[output]` lets pass.
    Tolerance,
    /// Packages of the guests.
    Guests,
    /// A run on a target.
    Target,
}

impl Topic {
    /// The name shown.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Assets => "assets",
            Self::Contract => "contract",
            Self::Code => "code",
            Self::Requests => "requests",
            Self::Responses => "responses",
            Self::Tolerance => "tolerance",
            Self::Guests => "guests",
            Self::Target => "target",
        }
    }
}

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// As it has to be.
    Good,
    /// Worth knowing.
    Note,
    /// Against the contract.
    Fault,
}

impl Finding {
    pub(crate) fn good(topic: Topic, text: impl Into<String>) -> Self {
        Self { topic, verdict: Verdict::Good, text: text.into() }
    }

    pub(crate) fn note(topic: Topic, text: impl Into<String>) -> Self {
        Self { topic, verdict: Verdict::Note, text: text.into() }
    }

    pub(crate) fn fault(topic: Topic, text: impl Into<String>) -> Self {
        Self { topic, verdict: Verdict::Fault, text: text.into() }
    }

    pub(crate) fn is_fault(&self) -> bool {
        self.verdict == Verdict::Fault
    }
}

/// Everything that can be found without a runner.
pub(crate) fn check(
    workload: &Workload,
    places: &Places,
    interrupt: &Interrupt,
) -> Result<Vec<Finding>, CommandError> {
    let mut findings = assets(workload)?;
    findings.extend(guests(workload, &Guest::read_all(places)));
    if findings.iter().any(|found| found.is_fault() && found.topic == Topic::Assets) {
        // Nothing can be answered without them.
        return Ok(findings);
    }
    let examined = examination::examine(workload, &places.python, interrupt)?;
    let is_sound = examined.findings.is_empty();
    findings.extend(examined.findings);
    if is_sound {
        findings.extend(outputs::check(workload, &examined.batches));
    }
    Ok(findings)
}

fn assets(workload: &Workload) -> Result<Vec<Finding>, CommandError> {
    let (_, assets) = workload.record()?;
    let stated = &workload.manifest.assets;
    if let Some(fault) = assets.fault(stated) {
        return Ok(vec![Finding::fault(Topic::Assets, fault)]);
    }
    let unstated = assets.unstated(stated);
    let notes = unstated.iter().map(|line| {
        Finding::note(Topic::Assets, format!("not stated in workload.toml: under [assets], {line}"))
    });
    let whole = format!("{} of {} have the stated SHA-256", stated.len(), assets.count());
    let good = (assets.count() > 0).then(|| Finding::good(Topic::Assets, whole));
    Ok(good.into_iter().chain(notes).collect())
}

fn guests(workload: &Workload, installed: &[Guest]) -> Vec<Finding> {
    let stated = &workload.manifest.guests;
    let found = |name: &String| installed.iter().find(|guest| guest.manifest.name == *name);
    let mut findings = Vec::new();
    for name in stated {
        let Some(guest) = found(name) else {
            let text = format!("{name} is not installed, so its packages are not known");
            findings.push(Finding::note(Topic::Guests, text));
            continue;
        };
        findings.push(match guest.lacks(&workload.manifest.packages) {
            Some(lack) => Finding::fault(Topic::Guests, lack),
            None => Finding::good(Topic::Guests, format!("{name} has what it imports")),
        });
    }
    findings
}

/// What a run on a target has shown.
pub(crate) fn of_cell(case: &str, cell: &CellAnalysis) -> Vec<Finding> {
    let name = format!("{case} on {}", cell.target);
    match &cell.state {
        CellState::Pending => vec![],
        CellState::Unsupported { reason } => {
            vec![Finding::note(Topic::Target, format!("{name}: unsupported: {reason}"))]
        }
        CellState::Failed { failure, .. } => {
            let text = format!("{name}, {}: {}", failure.during, failure.message);
            vec![Finding::fault(Topic::Target, text)]
        }
        CellState::Measured(measured) => of_measured(&name, cell.target.is_native(), measured),
    }
}

fn of_measured(name: &str, is_native: bool, measured: &Measured) -> Vec<Finding> {
    let outputs = match measured.outputs {
        Outputs::Baseline | Outputs::Unverified => "answers".to_owned(),
        Outputs::Identical { requests } => format!("identical to native, {requests} of {requests}"),
        Outputs::WithinTolerance { deviation, .. } => format!(
            "within tolerance of native, {} of {} identical, the others by at most {:.2e}",
            deviation.identical, deviation.requests, deviation.largest_absolute
        ),
    };
    let parts = measured.phases.iter().flat_map(|phases| &phases.parts);
    let infer = parts.filter(|part| part.phase == RequestPhase::Infer).map(|part| part.median_ns);
    let outside = infer.filter(|infer| is_native && !INFER_RANGE_NS.contains(infer)).map(|infer| {
        let text = format!(
            "{name}: infer takes {:.1} µs: below 20 µs the clock weighs in, above 500 ms a quick run has few requests; other batch sizes may help",
            infer / 1e3
        );
        Finding::note(Topic::Target, text)
    });
    let good = Finding::good(Topic::Target, format!("{name}: {outputs}"));
    std::iter::once(good).chain(outside).collect()
}
