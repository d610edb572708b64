//! From two analyses to a comparison.

use wasmfit_protocol::Start;
use wasmfit_record::{Environment, Side, Status, Target};

use super::decide::{self, Test};
use super::{
    By, COMPARISON_VERSION, CellChange, CellState, Change, Changes, ClassChange, Comparison,
    ComparisonError, Deployed, Finding, Measure, Open, OutputChange, Pairing, SizeChange, Terms,
    Unmatched, VerdictChange, Version, differences, reason_of,
};
use crate::Analysis;
use crate::analysis::survival::{LEAST_SHARE, assessed, factor};
use crate::analysis::{CaseAnalysis, CellAnalysis, CostClass, LaunchFigures, Measured, distinct};
use crate::statistics::{Estimate, Interval, Shift, median, paired, unpaired};

/// How far two sessions on one machine may differ for no reason: in ratios to
/// native, and in times that nothing beside them can be held to. Within an
/// hour 8% and 16% were seen (`benches/detection`), and days differ more.
pub(super) const DRIFT_OF_RATIOS: f64 = 0.1;
pub(super) const DRIFT_OF_TIMES: f64 = 0.25;

pub(super) fn compare(
    base: &Analysis,
    new: &Analysis,
    terms: &Terms,
) -> Result<Comparison, ComparisonError> {
    let pairing = pairing(base, new);
    if !matches!(pairing, Pairing::Interleaved { .. }) && base.started_at > new.started_at {
        let (base, new) = (base.started_at.clone(), new.started_at.clone());
        return Err(ComparisonError::FromTheFuture { base, new });
    }
    let pairs = matched(base, new);
    if pairs.is_empty() {
        return Err(ComparisonError::NothingInCommon { base: contents(base), new: contents(new) });
    }
    if !terms.across_machines {
        pairs.iter().try_for_each(|pair| same_machine(base, new, pair))?;
    }
    let mut drafts: Vec<Draft> =
        pairs.iter().map(|pair| Draft::of(base, new, pair, pairing, terms)).collect();
    decide(&mut drafts, pairing);
    let mut comparison = Comparison {
        comparison_version: COMPARISON_VERSION,
        terms: *terms,
        base: version(base),
        new: version(new),
        pairing,
        differences: differences::between(base, new),
        unmatched: unmatched(base, new, &pairs),
        cells: pairs.iter().zip(drafts).map(|(pair, draft)| draft.finished(pair)).collect(),
        sizes: sizes(base, new, terms),
        verdicts: Vec::new(),
    };
    comparison.verdicts = verdicts(base, new, &comparison);
    Ok(comparison)
}

/// A cell in both runs.
struct Pair<'a> {
    base_case: &'a CaseAnalysis,
    base: &'a CellAnalysis,
    new_case: &'a CaseAnalysis,
    new: &'a CellAnalysis,
}

fn matched<'a>(base: &'a Analysis, new: &'a Analysis) -> Vec<Pair<'a>> {
    let twin = |(new_case, new): (&'a CaseAnalysis, &'a CellAnalysis)| {
        let is_twin = |(case, cell): &(&CaseAnalysis, &CellAnalysis)| {
            case.case == new_case.case && cell.target.is_twin_of(&new.target)
        };
        let (base_case, base) = base.cells().find(is_twin)?;
        Some(Pair { base_case, base, new_case, new })
    };
    new.cells().filter_map(twin).collect()
}

fn pairing(base: &Analysis, new: &Analysis) -> Pairing {
    let looks = new.until_decided.as_ref().map_or(1, |rule| rule.looks.len().max(1));
    let looks = u32::try_from(looks).unwrap_or(u32::MAX);
    match (&base.session, &new.session) {
        (Some(before), Some(now))
            if before.id == now.id && (before.side, now.side) == (Side::Base, Side::New) =>
        {
            Pairing::Interleaved { looks }
        }
        _ => Pairing::Apart { looks },
    }
}

/// The machine that a cell was measured on.
fn machine_of<'a>(analysis: &'a Analysis, cell: &CellAnalysis) -> &'a Environment {
    let shard = cell.shard.and_then(|shard| analysis.shards.get(shard));
    shard.map_or(&analysis.environment, |shard| &shard.environment)
}

fn name_of(machine: &Environment) -> String {
    let Environment { cpu, cpus, architecture, .. } = machine;
    format!("{cpus} × {} ({architecture})", if cpu.is_empty() { "unknown processor" } else { cpu })
}

fn same_machine(base: &Analysis, new: &Analysis, pair: &Pair<'_>) -> Result<(), ComparisonError> {
    let before = name_of(machine_of(base, pair.base));
    let now = name_of(machine_of(new, pair.new));
    if before == now {
        return Ok(());
    }
    Err(ComparisonError::OtherMachine { base: before, new: now })
}

fn version(analysis: &Analysis) -> Version {
    let shards = analysis.shards.iter().map(|shard| &shard.environment);
    let machines = std::iter::once(&analysis.environment).chain(shards).map(name_of);
    Version {
        started_at: analysis.started_at.clone(),
        wasmfit_version: analysis.wasmfit_version.clone(),
        machines: distinct(machines),
        is_unfinished: analysis.status == Status::Unfinished,
    }
}

fn contents(analysis: &Analysis) -> String {
    let workloads: Vec<&str> = analysis.workloads.iter().map(|it| &*it.name).collect();
    let targets: Vec<String> = analysis.targets().iter().map(ToString::to_string).collect();
    format!("{} on {}", workloads.join(", "), targets.join(", "))
}

fn unmatched(base: &Analysis, new: &Analysis, pairs: &[Pair<'_>]) -> Vec<Unmatched> {
    let of = |side, (case, cell): (&CaseAnalysis, &CellAnalysis)| Unmatched {
        side,
        case: case.case.clone(),
        target: cell.target.clone(),
    };
    let only_base =
        base.cells().filter(|(_, cell)| !pairs.iter().any(|it| std::ptr::eq(it.base, *cell)));
    let only_new =
        new.cells().filter(|(_, cell)| !pairs.iter().any(|it| std::ptr::eq(it.new, *cell)));
    let before = only_base.map(|it| of(Side::Base, it));
    before.chain(only_new.map(|it| of(Side::New, it))).collect()
}

/// A cell before it is known what may be said of its changes: that depends on
/// all the others.
enum Draft {
    Final(CellState),
    Measured(Box<MeasuredDraft>),
}

struct MeasuredDraft {
    measures: Vec<DraftChange>,
    outputs: OutputChange,
    classes: Vec<ClassChange>,
}

/// A change, and the test of it, where there is something to test.
struct DraftChange {
    change: Change,
    test: Option<Test>,
}

impl Draft {
    fn of(
        base: &Analysis,
        new: &Analysis,
        pair: &Pair<'_>,
        pairing: Pairing,
        terms: &Terms,
    ) -> Self {
        let reason = reason_of(&pair.new.state);
        let (before, now) = match (pair.base.measured(), pair.new.measured()) {
            (Some(before), Some(now)) => (before, now),
            (Some(_), None) => return Self::Final(CellState::Broken { reason }),
            (None, Some(_)) => {
                let reason = reason_of(&pair.base.state);
                return Self::Final(CellState::Mended { reason });
            }
            (None, None) => return Self::Final(CellState::NotMeasured { reason }),
        };
        let measures = std::iter::once(Measure::Latency)
            .chain(Start::ALL.map(Measure::ColdStart))
            .chain(Start::ALL.map(Measure::Memory));
        let native = NativeTwins::of(base, new, pair);
        let measures: Vec<DraftChange> = measures
            .filter_map(|measure| draft(measure, before, now, &native, pairing, terms))
            .collect();
        let latency = measures.iter().find(|it| it.change.measure == Measure::Latency);
        let classes =
            latency.map_or_else(Vec::new, |latency| classes(before, now, latency.change.ratio));
        let outputs = outputs(base, new, pair, before, now);
        Self::Measured(Box::new(MeasuredDraft { measures, outputs, classes }))
    }

    fn finished(self, pair: &Pair<'_>) -> CellChange {
        let state = match self {
            Self::Final(state) => state,
            Self::Measured(draft) => {
                let MeasuredDraft { measures, outputs, classes } = *draft;
                let measures = measures.into_iter().map(|it| it.change).collect();
                CellState::Compared(Box::new(Changes { measures, classes, outputs }))
            }
        };
        CellChange { case: pair.new_case.case.clone(), target: pair.new.target.clone(), state }
    }
}

/// Native beside a cell, in both runs.
struct NativeTwins<'a> {
    base: Option<&'a Measured>,
    new: Option<&'a Measured>,
    is_native: bool,
    is_same: bool,
}

impl<'a> NativeTwins<'a> {
    fn of(base: &Analysis, new: &Analysis, pair: &Pair<'a>) -> Self {
        let program = |analysis: &Analysis| {
            let native = analysis.runners.iter().find(|it| it.name == Target::NATIVE);
            native.map(|it| it.sha256.clone())
        };
        let (before, now) = (pair.base_case.native(), pair.new_case.native());
        let versions = before.zip(now).is_some_and(|(before, now)| before.versions == now.versions);
        Self {
            base: before,
            new: now,
            is_native: pair.new.target.is_native(),
            is_same: versions && program(base) == program(new),
        }
    }
}

impl NativeTwins<'_> {
    /// Why a cell cannot be held to native, which would tell what the machine
    /// did; none where it can.
    fn adrift(&self) -> Option<Open> {
        if self.is_native || self.base.is_none() || self.new.is_none() {
            return Some(Open::NothingToHoldItTo);
        }
        (!self.is_same).then_some(Open::NativeChanged)
    }
}

/// The figure of a measure in a launch, where it has one.
fn figure(measure: Measure, launch: &LaunchFigures) -> Option<f64> {
    let value = match measure {
        Measure::Latency => launch.median_ns?,
        Measure::ColdStart(start) if launch.start == start => launch.cold_start_ns as f64,
        Measure::Memory(start) if launch.start == start => launch.peak_resident_bytes as f64,
        Measure::ColdStart(_) | Measure::Memory(_) => return None,
    };
    (value > 0.0).then_some(value)
}

/// By round; logarithms, so that a ratio and its inverse are as far from none.
fn by_round(measure: Measure, of: &Measured) -> Vec<(u32, f64)> {
    let launches = of.launches.iter();
    launches.filter_map(|it| Some((it.round, figure(measure, it)?.ln()))).collect()
}

/// The one less the other, of the rounds that have both.
fn less(minuend: &[(u32, f64)], subtrahend: &[(u32, f64)]) -> Vec<f64> {
    let of = |round| subtrahend.iter().find(|(it, _)| *it == round).map(|(_, value)| *value);
    minuend.iter().filter_map(|(round, value)| Some(value - of(*round)?)).collect()
}

fn draft(
    measure: Measure,
    base: &Measured,
    new: &Measured,
    native: &NativeTwins<'_>,
    pairing: Pairing,
    terms: &Terms,
) -> Option<DraftChange> {
    let (before, now) = (by_round(measure, base), by_round(measure, new));
    let values = |rounds: &[(u32, f64)]| rounds.iter().map(|(_, it)| *it).collect::<Vec<_>>();
    let middle = |rounds: &[(u32, f64)]| median(values(rounds)).map(f64::exp);
    let (base_median, new_median) = (middle(&before)?, middle(&now)?);
    let plain = median(values(&now))? - median(values(&before))?;
    let is_time = !matches!(measure, Measure::Memory(_));
    let is_apart = matches!(pairing, Pairing::Apart { .. });
    let is_cold = matches!(measure, Measure::ColdStart(_));
    let adrift = if is_apart && is_time { native.adrift() } else { None };
    let least_effect = match (pairing, adrift) {
        (Pairing::Interleaved { .. }, _) => terms.least_effect,
        (Pairing::Apart { .. }, _) if !is_time => terms.least_effect,
        (Pairing::Apart { .. }, None) => terms.least_effect.max(DRIFT_OF_RATIOS),
        (Pairing::Apart { .. }, Some(_)) => terms.least_effect.max(DRIFT_OF_TIMES),
    };
    let (by, shift, counts) = match pairing {
        Pairing::Interleaved { .. } => {
            let differences = less(&now, &before);
            let pairs = count(differences.len());
            (By::Pairs, paired(&differences), [pairs, pairs])
        }
        Pairing::Apart { .. } if !is_time || adrift.is_some() => {
            let shift = unpaired(&values(&before), &values(&now));
            (By::Itself, shift, [count(before.len()), count(now.len())])
        }
        Pairing::Apart { .. } => {
            // How native comes up is one thing, however the guest does.
            let of_native = match measure {
                Measure::ColdStart(_) => Measure::ColdStart(Start::Plain),
                other => other,
            };
            let beside = |rounds: &[(u32, f64)], native: Option<&Measured>| {
                native.map_or_else(Vec::new, |it| less(rounds, &by_round(of_native, it)))
            };
            let (before, now) = (beside(&before, native.base), beside(&now, native.new));
            (By::Native, unpaired(&before, &now), [count(before.len()), count(now.len())])
        }
    };
    // Beside other work cold starts take several times as long, and native's
    // other several times: nothing can be claimed of two sessions.
    let tested = shift.filter(|_| !(is_apart && is_cold));
    let test = tested.map(|shift| Test {
        shift,
        launches: counts[0].min(counts[1]),
        is_latency: measure == Measure::Latency,
        least_effect,
        adrift,
    });
    // One launch of each is nothing to test; a second one is.
    let reason = match test {
        None if is_apart && is_cold => Open::NothingToHoldItTo,
        _ => adrift.unwrap_or(Open::MoreLaunches { launches: 1 }),
    };
    let change = Change {
        measure,
        base: base_median,
        new: new_median,
        by,
        ratio: shift.map_or(Estimate { value: plain.exp(), interval: None }, ratio),
        least_effect,
        p_value: test.map(|it| it.shift.p_value),
        launches: counts,
        finding: Finding::Inconclusive { reason },
        is_settled: false,
    };
    Some(DraftChange { change, test })
}

/// From logarithms.
fn ratio(shift: Shift) -> Estimate {
    let Interval { low, high, confidence } = shift.interval;
    let interval = Interval { low: low.exp(), high: high.exp(), confidence };
    Estimate { value: shift.value.exp(), interval: Some(interval) }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

/// Says of every change what may be said, given all of them.
fn decide(drafts: &mut [Draft], pairing: Pairing) {
    let mut tested: Vec<&mut DraftChange> = drafts
        .iter_mut()
        .filter_map(|draft| match draft {
            Draft::Measured(draft) => Some(&mut draft.measures),
            Draft::Final(_) => None,
        })
        .flatten()
        .filter(|it| it.test.is_some())
        .collect();
    let tests: Vec<Test> = tested.iter().filter_map(|it| it.test).collect();
    let findings = decide::findings(&tests, pairing.looks());
    for (draft, (finding, is_settled)) in tested.iter_mut().zip(findings) {
        draft.change.finding = finding;
        draft.change.is_settled = is_settled;
    }
}

/// The cost classes of a cell, where both were attributed.
fn classes(base: &Measured, new: &Measured, ratio: Estimate) -> Vec<ClassChange> {
    let (Some(before), Some(now)) = (assessed(&base.attribution), assessed(&new.attribution))
    else {
        return Vec::new();
    };
    let of = |class| {
        let (earlier, later) = (before.cost(class)?, now.cost(class)?);
        if earlier.share.value.max(later.share.value) < LEAST_SHARE {
            return None;
        }
        let is_large = earlier.share.value >= LEAST_SHARE;
        let factor = is_large.then(|| factor(ratio, later.share, earlier.share)).flatten();
        let interval = factor.and_then(|it| it.interval);
        Some(ClassChange {
            class,
            base_ns: earlier.time_ns,
            new_ns: factor.map_or(later.time_ns, |it| earlier.time_ns * it.value),
            ratio: factor,
            is_shown: interval.is_some_and(|it| it.is_confident() && !it.contains(1.0)),
        })
    };
    CostClass::ALL.into_iter().filter_map(of).collect()
}

fn outputs(
    base: &Analysis,
    new: &Analysis,
    pair: &Pair<'_>,
    before: &Measured,
    now: &Measured,
) -> OutputChange {
    if differences::has_other_requests(base, new, &pair.new_case.case) {
        return OutputChange::OtherRequests;
    }
    match (&before.responses_sha256, &now.responses_sha256) {
        (Some(before), Some(now)) if before == now => OutputChange::Same,
        (Some(_), Some(_)) => OutputChange::OtherBytes,
        _ => OutputChange::NotTold,
    }
}

/// Sizes that are not the same: a few bytes more are told, and do not count.
fn sizes(base: &Analysis, new: &Analysis, terms: &Terms) -> Vec<SizeChange> {
    let mut found = Vec::new();
    for now in &new.preparations {
        let is_twin =
            |it: &&crate::analysis::Preparation| it.target == now.target && it.start == now.start;
        let Some(before) = base.preparations.iter().find(is_twin) else { continue };
        let artifact = |of: &crate::analysis::Preparation| of.artifact.as_ref().map(|it| it.bytes);
        let both = [
            (Deployed::Module, before.module_bytes, now.module_bytes),
            (Deployed::Artifact, artifact(before), artifact(now)),
        ];
        for (what, before, bytes) in both {
            let (Some(base), Some(new)) = (before, bytes) else { continue };
            if base == new {
                continue;
            }
            let ratio = new as f64 / base.max(1) as f64;
            let counts = ratio.ln().abs() >= terms.least_effect.ln_1p();
            let (target, start) = (now.target.clone(), now.start);
            found.push(SizeChange { target, start, what, base, new, counts });
        }
    }
    found
}

/// Verdicts that are not the same, of what both were judged by.
fn verdicts(base: &Analysis, new: &Analysis, comparison: &Comparison) -> Vec<VerdictChange> {
    let changed = |workload: &str| {
        let of_workload = |cell: &CellChange| cell.case.workload == workload;
        let moved = comparison
            .changes()
            .any(|(cell, change)| of_workload(cell) && change.finding.is_change());
        let broken = comparison.cells.iter().any(|cell| {
            let is_other =
                matches!(cell.state, CellState::Broken { .. } | CellState::Mended { .. });
            of_workload(cell) && is_other
        });
        moved || broken || comparison.sizes.iter().any(|it| it.counts)
    };
    let of = |now: &crate::verdict::Verdict| {
        let same = |it: &&crate::verdict::Verdict| {
            it.workload == now.workload && it.scenario == now.scenario
        };
        let before = base.verdicts.iter().find(same)?;
        (before.grade != now.grade).then(|| VerdictChange {
            workload: now.workload.clone(),
            scenario: now.scenario.clone(),
            base: before.grade,
            new: now.grade,
            is_worse: now.grade > before.grade,
            is_backed: changed(&now.workload),
            reason: now.reason.clone(),
        })
    };
    new.verdicts.iter().filter_map(of).collect()
}
