//! In what two runs differ.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use wasmfit_record::{RunnerRecord, Target};

use crate::Analysis;
use crate::analysis::distinct;

/// Something that is not the same in both runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "difference", rename_all = "kebab-case")]
pub enum Difference {
    /// The version of something.
    Version {
        /// Of what.
        of: String,
        /// Before.
        base: String,
        /// Now.
        new: String,
    },
    /// A runner of the same version is another program.
    RunnerBuild {
        /// Its name.
        runner: String,
    },
    /// Files of a guest.
    Guest {
        /// Its name.
        guest: String,
        /// The files.
        files: Vec<String>,
    },
    /// Something of a workload.
    Workload {
        /// Its name.
        workload: String,
        /// What.
        what: WorkloadPart,
    },
    /// How thoroughly it was measured.
    Sampling,
    /// The rules of cost classes.
    Rules,
    /// What scenarios ask for.
    Scenarios,
    /// One is slowed down on purpose.
    Injection,
}

/// A part of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadPart {
    /// `workload.py`.
    Code,
    /// `assets/`.
    Assets,
    /// How responses are compared.
    Tolerance,
    /// What is asked of it.
    Requests,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { of, base, new } => write!(f, "{of}: {base} before, {new} now"),
            Self::RunnerBuild { runner } => {
                write!(f, "{runner}: another build of the same version")
            }
            Self::Guest { guest, files } => write!(f, "guest {guest}: {}", files.join(", ")),
            Self::Workload { workload, what } => {
                let what = match what {
                    WorkloadPart::Code => "workload.py",
                    WorkloadPart::Assets => "assets",
                    WorkloadPart::Tolerance => "tolerance",
                    WorkloadPart::Requests => "requests",
                };
                write!(f, "workload {workload}: {what}")
            }
            Self::Sampling => f.write_str("how long a launch is sampled"),
            Self::Rules => f.write_str("the rules of cost classes"),
            Self::Scenarios => f.write_str("what scenarios ask for"),
            Self::Injection => f.write_str("a slow-down on purpose"),
        }
    }
}

/// All of them.
pub(super) fn between(base: &Analysis, new: &Analysis) -> Vec<Difference> {
    let mut found = Vec::new();
    let version = |of: &str, base: &str, new: &str| {
        (base != new).then(|| Difference::Version {
            of: of.into(),
            base: base.into(),
            new: new.into(),
        })
    };
    found.extend(version("wasmfit", &base.wasmfit_version, &new.wasmfit_version));
    found.extend(runners(&base.runners, &new.runners));
    let (before, now) = (inside(base), inside(new));
    for (of, versions) in &now {
        let earlier = before.get(of).map(|it| it.join(", "));
        found.extend(earlier.and_then(|earlier| version(of, &earlier, &versions.join(", "))));
    }
    for guest in &new.guests {
        let earlier = base.guests.iter().find(|it| it.name == guest.name);
        let changed = |(name, hash): &(&String, &String)| {
            earlier.is_some_and(|it| it.files.get(*name) != Some(hash))
        };
        let files: Vec<String> =
            guest.files.iter().filter(changed).map(|(name, _)| name.clone()).collect();
        if !files.is_empty() {
            found.push(Difference::Guest { guest: guest.name.clone(), files });
        }
    }
    found.extend(workloads(base, new));
    let mut sampling = (base.sampling, new.sampling);
    if sampling.0.inject != sampling.1.inject {
        found.push(Difference::Injection);
    }
    (sampling.0.inject, sampling.1.inject) = (None, None);
    found.extend((sampling.0 != sampling.1).then_some(Difference::Sampling));
    found.extend((base.rules != new.rules).then_some(Difference::Rules));
    found.extend((base.scenarios != new.scenarios).then_some(Difference::Scenarios));
    found
}

fn runners(base: &[RunnerRecord], new: &[RunnerRecord]) -> Vec<Difference> {
    let of = |now: &RunnerRecord| {
        let before = base.iter().find(|it| it.name == now.name)?;
        // Natively its version is that of Python, which is told anyway.
        if now.name == Target::NATIVE && before.runtime_version != now.runtime_version {
            return None;
        }
        if before.runtime_version != now.runtime_version {
            let (base, new) = (before.runtime_version.clone(), now.runtime_version.clone());
            return Some(Difference::Version { of: now.name.clone(), base, new });
        }
        let other = before.sha256 != now.sha256;
        other.then(|| Difference::RunnerBuild { runner: now.name.clone() })
    };
    new.iter().filter_map(of).collect()
}

/// Versions of Python and packages, natively and in each guest.
fn inside(analysis: &Analysis) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, cell, measured) in analysis.measured() {
        let place = |target: &Target| {
            if target.is_native() { "native".to_owned() } else { target.guest.clone() }
        };
        let mut add = |name: &str, version: &str| {
            all.entry(format!("{name} ({})", place(&cell.target)))
                .or_default()
                .push(version.to_owned());
        };
        add("Python", &measured.versions.python);
        for (package, version) in &measured.versions.packages {
            add(package, version);
        }
    }
    let once = |versions: Vec<String>| distinct(versions.into_iter());
    all.into_iter().map(|(name, versions)| (name, once(versions))).collect()
}

fn workloads(base: &Analysis, new: &Analysis) -> Vec<Difference> {
    let mut found = Vec::new();
    for now in &new.workloads {
        let Some(before) = base.workloads.iter().find(|it| it.name == now.name) else { continue };
        let mut parts = Vec::new();
        if let (Some(before), Some(now)) = (&before.record, &now.record) {
            parts.extend((before.code_sha256 != now.code_sha256).then_some(WorkloadPart::Code));
            let assets = before.assets_sha256 != now.assets_sha256;
            parts.extend(assets.then_some(WorkloadPart::Assets));
            parts.extend((before.tolerance != now.tolerance).then_some(WorkloadPart::Tolerance));
        }
        let others = now.cases.iter().any(|case| has_other_requests(base, new, &case.case));
        parts.extend(others.then_some(WorkloadPart::Requests));
        let of = |what| Difference::Workload { workload: now.name.clone(), what };
        found.extend(parts.into_iter().map(of));
    }
    found
}

/// Whether a case is asked other things than before, as far as both tell.
pub(super) fn has_other_requests(
    base: &Analysis,
    new: &Analysis,
    case: &wasmfit_record::Case,
) -> bool {
    let of = |analysis: &Analysis| analysis.requests_sha256.get(&case.to_string()).cloned();
    matches!((of(base), of(new)), (Some(before), Some(now)) if before != now)
}
