//! The report as one self-contained HTML file.

use askama::Template;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use wasmfit_record::Scenario;

use crate::ReportError;
use crate::analysis::{Analysis, CaseAnalysis, CellState, Ladder, Unsupported, WorkloadAnalysis};
use crate::banners::{self, Banner};
use crate::boundary::Lab;
use crate::charts::{self, Figure};
use crate::figures;
use crate::format::{count, counted};
use crate::headline::{self, Headline};
use crate::icicle::{self, Icicle};
use crate::places::places;
use crate::tables::{self, Table};
use crate::verdict::Verdict;
use crate::warnings::{WarningGroup, grouped};

/// What the page can do beyond being read.
pub(crate) const SCRIPT: &str = include_str!("../templates/report.js");

/// What the template is filled with.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    analysis: &'a Analysis,
    subject: String,
    samples: String,
    verdicts: Vec<VerdictRow<'a>>,
    /// Over all cases, where those are many.
    overall: Vec<Headline>,
    answers: Vec<Answer>,
    parity: Vec<Banner>,
    banners: Vec<Banner>,
    chart: Option<Figure>,
    overview: Table,
    refusals: Vec<Refusal>,
    boundary: Option<BoundarySection>,
    results: Table,
    disturbed: Option<String>,
    routes: Table,
    route_estimates: Table,
    routes_in_words: Vec<String>,
    limits: Table,
    limits_in_words: String,
    taxes: Table,
    survival: Table,
    survivors: String,
    calibrations: Table,
    workloads: Vec<WorkloadSection<'a>>,
    ladders: Vec<LadderSection>,
    failed: Vec<FailedCell>,
    warnings: Vec<WarningGroup>,
    outputs: Table,
    preparations: Table,
    footprint: Table,
    versions: Table,
    guests: Table,
    environment: Table,
    budget: Option<String>,
    command: String,
    /// What the policy of the page allows to run.
    script_hash: String,
    /// The figures as data, base64.
    csv: String,
    json: String,
}

/// A workload's verdicts, one per scenario.
struct VerdictRow<'a> {
    workload: &'a str,
    cards: Vec<VerdictCard<'a>>,
}

/// A workload in a scenario.
struct VerdictCard<'a> {
    /// Of the card in the page.
    id: String,
    scenario: &'a Scenario,
    verdict: &'a Verdict,
    /// The case on the target that fits best.
    place: Option<String>,
    requirements: Option<Table>,
}

/// A case and what was found, linked to its workload's section.
struct Answer {
    case: String,
    section: usize,
    headlines: Vec<Headline>,
}

struct WorkloadSection<'a> {
    name: &'a str,
    title: &'a str,
    about: Option<Table>,
    cases: Vec<CaseSection>,
}

struct CaseSection {
    /// Told where a workload has several.
    name: Option<String>,
    figures: Vec<Figure>,
    attribution: Table,
    functions: Table,
    icicles: Vec<Icicle>,
    request_phases: Table,
    cold_starts: Table,
    pages: Table,
    warm_ups: Table,
}

/// The deployment ladder of a case on a runtime.
struct LadderSection {
    text: tables::ladder::Section,
    figure: Option<Figure>,
}

/// What crossing the boundary costs.
struct BoundarySection {
    rules: Vec<String>,
    copies: Table,
    batching: Table,
    overview: Table,
    by_encoding: Vec<Figure>,
    by_target: Vec<Figure>,
    fits: Table,
    points: Table,
    missing: Vec<String>,
}

fn boundary_section(lab: &Lab) -> Result<BoundarySection, ReportError> {
    Ok(BoundarySection {
        rules: tables::boundary::rules(lab),
        copies: keep_marks(tables::boundary::copies(lab)),
        batching: tables::boundary::batching(lab),
        overview: tables::boundary::overview(lab),
        by_encoding: charts::by_encoding(lab)?,
        by_target: charts::by_target(lab)?,
        fits: tables::boundary::fits(lab),
        points: tables::boundary::points(lab),
        missing: tables::boundary::missing(lab),
    })
}

/// A cell that failed.
pub(crate) struct FailedCell {
    pub(crate) cell: String,
    pub(crate) reason: String,
    pub(crate) detail: String,
}

/// Why cells are not supported; numbered as in the overview.
pub(crate) struct Refusal {
    pub(crate) places: String,
    pub(crate) reason: String,
}

fn ladder_section(ladder: &Ladder, analysis: &Analysis) -> Result<LadderSection, ReportError> {
    let text = tables::ladder::Section::of(ladder, analysis);
    Ok(LadderSection { text, figure: charts::ladder(ladder)? })
}

pub(crate) fn render(analysis: &Analysis) -> Result<String, ReportError> {
    let workloads: Result<Vec<_>, _> = analysis.workloads.iter().map(workload_section).collect();
    let ladders = analysis.ladders.iter().map(|it| ladder_section(it, analysis));
    let page = Page {
        analysis,
        subject: subject(analysis),
        samples: count(analysis.samples),
        verdicts: analysis
            .workloads
            .iter()
            .enumerate()
            .map(|it| verdict_row(analysis, it))
            .collect(),
        overall: headline::overall(analysis).into_iter().map(keep_together).collect(),
        answers: answers(analysis),
        parity: banners::parity(analysis),
        banners: banners::of(analysis),
        chart: charts::overview(analysis)?,
        overview: keep_marks(tables::overview(analysis)),
        refusals: refusals(analysis),
        boundary: analysis.boundary.as_ref().map(boundary_section).transpose()?,
        results: keep_marks(tables::results(analysis)),
        disturbed: tables::disturbed(analysis),
        routes: tables::routes(analysis),
        route_estimates: tables::route_estimates(analysis),
        routes_in_words: tables::routes_in_words(analysis),
        limits: tables::limits(analysis),
        limits_in_words: tables::limits_in_words(analysis),
        taxes: tables::taxes(analysis),
        survival: tables::survival(analysis),
        survivors: survivors(analysis),
        calibrations: tables::calibrations(analysis),
        workloads: workloads?,
        ladders: ladders.collect::<Result<_, _>>()?,
        failed: failed(analysis),
        warnings: grouped(&analysis.warnings),
        outputs: keep_marks(tables::outputs(analysis)),
        preparations: tables::preparations(analysis),
        footprint: tables::footprint(analysis),
        versions: tables::versions(analysis),
        guests: tables::guests(analysis),
        environment: tables::environment(analysis),
        budget: analysis.budget.map(tables::budget),
        command: command(analysis),
        script_hash: script_hash(),
        csv: BASE64_STANDARD.encode(figures::csv(analysis)?),
        json: BASE64_STANDARD.encode(figures::json(analysis)),
    };
    Ok(page.render()?)
}

/// By which the policy of a page knows its script.
pub(crate) fn script_hash() -> String {
    BASE64_STANDARD.encode(Sha256::digest(SCRIPT))
}

/// How much of what was measured on what.
pub(crate) fn subject(analysis: &Analysis) -> String {
    let workloads = counted(analysis.workloads.len() as u64, "workload", "workloads");
    if let (Some(lab), true) = (&analysis.boundary, analysis.workloads.is_empty()) {
        let targets = counted(lab.targets.len() as u64, "target", "targets");
        return format!("the boundary of {targets}");
    }
    let targets = counted(analysis.targets().len() as u64, "target", "targets");
    format!("{workloads} on {targets}")
}

fn verdict_row<'a>(
    analysis: &'a Analysis,
    (number, workload): (usize, &'a WorkloadAnalysis),
) -> VerdictRow<'a> {
    let of_workload = analysis.verdicts.iter().filter(|it| it.workload == workload.name);
    let card = |(at, (verdict, scenario)): (usize, (&'a Verdict, &'a Scenario))| VerdictCard {
        id: format!("verdict-{number}-{at}"),
        scenario,
        verdict,
        place: verdict.best.as_ref().map(|it| format!("{} on {}", it.case, it.target)),
        requirements: verdict.best.as_ref().map(tables::requirements),
    };
    let cards = of_workload.zip(&analysis.scenarios).enumerate().map(card).collect();
    VerdictRow { workload: &workload.name, cards }
}

fn answers(analysis: &Analysis) -> Vec<Answer> {
    let section_of = |case: &CaseAnalysis| {
        analysis.workloads.iter().position(|it| it.name == case.case.workload).unwrap_or(0)
    };
    headline::of(analysis)
        .into_iter()
        .map(|(case, headlines)| Answer {
            case: case.case.to_string(),
            section: section_of(case),
            headlines: headlines.into_iter().map(keep_together).collect(),
        })
        .collect()
}

/// Word joiners around dashes: an interval is not broken in two, nor off
/// its level.
fn keep_together(headline: Headline) -> Headline {
    let after = headline.after.replace('–', "\u{2060}–\u{2060}").replace("%: ", "%:\u{a0}");
    Headline { after, ..headline }
}

/// The parts of a name between which a narrow table may break it: behind a
/// slash and before an at.
fn parts(name: &str) -> Vec<&str> {
    let behind_slashes = name.split_inclusive('/');
    let parts = behind_slashes.flat_map(|part| {
        let at = part.find('@').filter(|at| *at > 0).unwrap_or(part.len());
        let (before, from) = part.split_at(at);
        [before, from]
    });
    parts.filter(|part| !part.is_empty()).collect()
}

/// No-break spaces after marks: a mark stays with its word where the table
/// is narrow.
fn keep_marks(mut table: Table) -> Table {
    for entry in table.rows.iter_mut().flatten() {
        entry.text = entry.text.replace("✓ ", "✓\u{a0}").replace("✗ ", "✗\u{a0}");
    }
    table
}

fn workload_section(workload: &WorkloadAnalysis) -> Result<WorkloadSection<'_>, ReportError> {
    let several = workload.cases.len() > 1;
    let cases: Result<Vec<_>, _> =
        workload.cases.iter().map(|case| case_section(case, several)).collect();
    Ok(WorkloadSection {
        name: &workload.name,
        title: workload.record.as_ref().map_or("", |record| &record.title),
        about: workload.record.as_ref().map(tables::workload),
        cases: cases?,
    })
}

fn case_section(case: &CaseAnalysis, several: bool) -> Result<CaseSection, ReportError> {
    let figures = [
        charts::ratios(case)?,
        charts::attribution(case)?,
        charts::phases(case)?,
        charts::cold_start(case)?,
        charts::spread(case)?,
    ];
    Ok(CaseSection {
        name: several.then(|| case.case.to_string()),
        figures: figures.into_iter().flatten().collect(),
        attribution: tables::attribution(case),
        functions: tables::functions(case),
        icicles: icicle::of(case),
        request_phases: tables::request_phases(case),
        cold_starts: tables::cold_starts(case),
        pages: tables::pages(case),
        warm_ups: tables::warm_ups(case),
    })
}

/// Cells that failed, and why.
pub(crate) fn failed(analysis: &Analysis) -> Vec<FailedCell> {
    let cells = analysis.cells().filter_map(|(case, cell)| {
        let CellState::Failed { failure, .. } = &cell.state else { return None };
        Some(FailedCell {
            cell: format!("{} on {}", case.case, cell.target),
            reason: format!("during {}: {}", failure.during, failure.message),
            detail: failure.detail.clone(),
        })
    });
    cells.collect()
}

/// Why cells are not supported, and which.
pub(crate) fn refusals(analysis: &Analysis) -> Vec<Refusal> {
    let refusal = |it: &Unsupported| Refusal {
        places: places(analysis, &it.cells),
        reason: it.reason.clone(),
    };
    analysis.unsupported.iter().map(refusal).collect()
}

/// In how many cells the class that dominates natively dominates as well.
pub(crate) fn survivors(analysis: &Analysis) -> String {
    let all = &analysis.survivals;
    let same = all.iter().filter(|it| it.dominant == it.dominant_native).count();
    let targets = counted(all.len() as u64, "profiled cell", "profiled cells");
    let same = if same == all.len() { "every one".to_owned() } else { count(same as u64) };
    format!(
        "Of {targets}, in {same} the class that dominates natively dominates on the target as well. How much slower each class is there is the sandbox’s tax on it."
    )
}

/// The command line as a shell takes it.
pub(crate) fn command(analysis: &Analysis) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=@:,+".contains(c);
    let quoted = analysis.command.iter().map(|argument| {
        if !argument.is_empty() && argument.chars().all(plain) {
            argument.clone()
        } else {
            format!("'{}'", argument.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
