//! From requirements to verdicts.

use std::cmp::Ordering;

use wasmfit_record::Scenario;

use super::evidence::hold;
use super::requirement::{Asked, Outcome, Requirement};
use super::{Best, Grade, Verdict, alternative};
use crate::analysis::limits::contenders;
use crate::analysis::{Analysis, CaseAnalysis, CellAnalysis, WorkloadAnalysis};
use crate::boundary::batch_sentence;
use crate::format::{counted, cut, ratio};

/// Letters of a reason, which stands in full beside it.
const LETTERS: usize = 140;

/// Every workload in every scenario, in the order of both.
#[must_use]
pub fn judge(analysis: &Analysis, scenarios: &[Scenario]) -> Vec<Verdict> {
    let pairs = analysis.workloads.iter().flat_map(|it| scenarios.iter().map(move |s| (it, s)));
    pairs.map(|(workload, scenario)| of_workload(analysis, workload, scenario)).collect()
}

/// A case on a target, judged.
struct Judged<'a> {
    case: &'a CaseAnalysis,
    cell: &'a CellAnalysis,
    grade: Grade,
    requirements: Vec<Requirement>,
    conditions: Vec<String>,
    deciding: usize,
}

fn of_workload(analysis: &Analysis, workload: &WorkloadAnalysis, scenario: &Scenario) -> Verdict {
    let assets_bytes = workload.record.as_ref().map_or(0, |it| it.assets_bytes);
    let of_case = |case| best_of_case(analysis, case, scenario, assets_bytes);
    let cases: Vec<_> = workload.cases.iter().filter_map(of_case).collect();
    let verdict = |grade, reason: String| Verdict {
        workload: workload.name.clone(),
        scenario: scenario.name.clone(),
        grade,
        best: None,
        conditions: Vec::new(),
        reason,
        alternative: None,
        batching: None,
    };
    let Some(best) = cases.iter().min_by(|a, b| by_fit(a, b)) else {
        return verdict(Grade::NotAssessable, "No WebAssembly target was to be measured.".into());
    };
    let mut conditions = best.conditions.clone();
    let (holds, others): (Vec<_>, Vec<_>) = cases.iter().partition(|it| it.grade == best.grade);
    let names = |of: &[&Judged<'_>]| {
        of.iter().map(|it| it.case.case.to_string()).collect::<Vec<_>>().join(", ")
    };
    if !others.is_empty() {
        conditions.push(format!("holds for {}, not for {}", names(&holds), names(&others)));
    }
    let grade = match best.grade {
        Grade::Strong if !conditions.is_empty() => Grade::Conditional,
        grade => grade,
    };
    let place = Best {
        case: best.case.case.clone(),
        target: best.cell.target.clone(),
        requirements: best.requirements.clone(),
        deciding: best.deciding,
    };
    Verdict {
        reason: reason(best),
        alternative: alternative::of(analysis, best.case, best.cell, deciding(best), grade),
        batching: batch_sentence(analysis, &place),
        best: Some(place),
        conditions,
        ..verdict(grade, String::new())
    }
}

fn deciding<'a>(of: &'a Judged<'_>) -> &'a Requirement {
    &of.requirements[of.deciding]
}

/// The best of the WebAssembly targets, of those without a limit where there
/// are any.
fn best_of_case<'a>(
    analysis: &Analysis,
    case: &'a CaseAnalysis,
    scenario: &Scenario,
    assets_bytes: u64,
) -> Option<Judged<'a>> {
    let cells: Vec<_> = case.cells.iter().filter(|cell| !cell.target.is_native()).collect();
    let judged = contenders(&cells).into_iter().map(|cell| {
        let held = hold(scenario, analysis, case, cell, assets_bytes);
        let deciding = deciding_of(&held.requirements);
        let worst = held.requirements.iter().map(|it| it.outcome).max();
        let grade = match worst.unwrap_or(Outcome::Unknown) {
            Outcome::Passed if held.conditions.is_empty() => Grade::Strong,
            Outcome::Passed | Outcome::Undecided => Grade::Conditional,
            Outcome::Unknown => Grade::NotAssessable,
            Outcome::Failed => Grade::Weak,
        };
        let (requirements, conditions) = (held.requirements, held.conditions);
        Judged { case, cell, grade, requirements, conditions, deciding }
    });
    judged.min_by(by_fit)
}

/// The better grade, then what runs at all, then fewer requirements as bad as
/// the worst, then the more room in what decides, then the faster.
fn by_fit(a: &Judged<'_>, b: &Judged<'_>) -> Ordering {
    let is_lost = |it: &Judged<'_>| {
        it.requirements
            .iter()
            .any(|it| matches!((&it.asked, it.outcome), (Asked::Runs, Outcome::Failed)))
    };
    let bad = |it: &Judged<'_>| {
        let worst = deciding(it).outcome;
        it.requirements.iter().filter(|it| it.outcome == worst).count()
    };
    let room = |it: &Judged<'_>| deciding(it).margin().unwrap_or(0.0);
    let latency = |it: &Judged<'_>| {
        let latency = it.cell.measured().and_then(|it| it.latency.as_ref());
        latency.map_or(f64::INFINITY, |it| it.median_ns.value)
    };
    (a.grade.cmp(&b.grade))
        .then_with(|| is_lost(a).cmp(&is_lost(b)))
        .then_with(|| bad(a).cmp(&bad(b)))
        .then_with(|| room(b).total_cmp(&room(a)))
        .then_with(|| latency(a).total_cmp(&latency(b)))
}

/// The worst outcome; among failures what no figure could change comes first,
/// and among figures the one with the least room.
fn deciding_of(requirements: &[Requirement]) -> usize {
    let margin = |it: &Requirement| match it.margin() {
        Some(margin) => margin,
        None if it.outcome == Outcome::Passed => f64::INFINITY,
        None => 0.0,
    };
    let worst = requirements.iter().enumerate().min_by(|(_, a), (_, b)| {
        b.outcome.cmp(&a.outcome).then_with(|| margin(a).total_cmp(&margin(b)))
    });
    worst.map_or(0, |(index, _)| index)
}

fn launches(cell: &CellAnalysis) -> u64 {
    let latency = cell.measured().and_then(|it| it.latency.as_ref());
    latency.map_or(0, |it| u64::from(it.launches))
}

/// What decides, in a sentence.
fn reason(of: &Judged<'_>) -> String {
    let it = deciding(of);
    let target = &of.cell.target;
    let because = cut(&it.because, LETTERS);
    let Some((limit, figure)) = it.limit.zip(it.figure) else {
        return match (&it.asked, it.outcome) {
            (Asked::Runs, Outcome::Failed) => format!("It does not run on {target}: {because}."),
            (asked, Outcome::Failed) => format!("It lacks {}: {because}.", asked.title()),
            (asked, Outcome::Unknown | Outcome::Undecided) => {
                format!("There is no evidence on {}: {because}.", asked.title())
            }
            (_, Outcome::Passed) => format!("It runs on {target} and {because}."),
        };
    };
    let figure_told = it.asked.told(figure.value());
    let limit_told = it.asked.told(limit);
    let title = it.asked.title();
    match it.outcome {
        Outcome::Failed => format!(
            "On {target} {title} is {figure_told}, {} the budget of {limit_told}.",
            ratio(it.margin().map_or(f64::INFINITY, f64::recip))
        ),
        Outcome::Passed => format!(
            "On {target} every requirement is kept; the tightest is {title}, {figure_told} of {limit_told}."
        ),
        Outcome::Undecided => format!(
            "On {target} {title} is {figure_told}, and the budget of {limit_told} is within what {} can tell apart.",
            counted(launches(of.cell), "launch", "launches")
        ),
        Outcome::Unknown => format!("There is no evidence on {title}: {because}."),
    }
}
