//! The report as one self-contained HTML file.

use askama::Template;

use crate::ReportError;
use crate::analysis::{Analysis, CaseAnalysis, CellState, WorkloadAnalysis};
use crate::banners::{self, Banner};
use crate::charts::{self, Figure};
use crate::format::{count, counted};
use crate::headline::{self, Headline};
use crate::labels::Labels;
use crate::tables::{self, Table};
use crate::warnings::{WarningGroup, grouped};

/// What the template is filled with.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    analysis: &'a Analysis,
    subject: String,
    samples: String,
    answers: Vec<Answer>,
    banners: Vec<Banner>,
    results: Table,
    overview: Option<Figure>,
    workloads: Vec<WorkloadSection<'a>>,
    unmeasured: Vec<Unmeasured>,
    warnings: Vec<WarningGroup>,
    outputs: Table,
    footprint: Table,
    versions: Table,
    guests: Table,
    environment: Table,
    command: String,
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
    request_phases: Table,
    cold_starts: Table,
}

/// A cell without figures.
pub(crate) struct Unmeasured {
    pub(crate) cell: String,
    pub(crate) state: &'static str,
    pub(crate) reason: String,
    pub(crate) detail: String,
}

pub(crate) fn render(analysis: &Analysis) -> Result<String, ReportError> {
    let labels = Labels::of(analysis);
    let workloads: Result<Vec<_>, _> =
        analysis.workloads.iter().map(|workload| workload_section(workload, labels)).collect();
    let page = Page {
        analysis,
        subject: subject(analysis),
        samples: count(analysis.samples),
        answers: answers(analysis),
        banners: banners::of(analysis),
        results: keep_marks(tables::results(analysis, labels)),
        overview: charts::ratios(analysis, labels)?,
        workloads: workloads?,
        unmeasured: unmeasured(analysis),
        warnings: grouped(&analysis.warnings),
        outputs: keep_marks(tables::outputs(analysis, labels)),
        footprint: tables::footprint(analysis, labels),
        versions: tables::versions(analysis),
        guests: tables::guests(analysis),
        environment: tables::environment(analysis),
        command: command(analysis),
    };
    Ok(page.render()?)
}

/// How much of what was measured on what.
pub(crate) fn subject(analysis: &Analysis) -> String {
    let mut targets: Vec<_> = analysis.cells().map(|(_, cell)| cell.target.to_string()).collect();
    targets.sort();
    targets.dedup();
    let workloads = counted(analysis.workloads.len() as u64, "workload", "workloads");
    let targets = counted(targets.len() as u64, "target", "targets");
    format!("{workloads} on {targets}")
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
    let after = headline.after.replace('–', "\u{2060}–\u{2060}").replace("95%: ", "95%:\u{a0}");
    Headline { after, ..headline }
}

/// No-break spaces after marks: a mark stays with its word where the table
/// is narrow.
fn keep_marks(mut table: Table) -> Table {
    for entry in table.rows.iter_mut().flatten() {
        entry.text = entry.text.replace("✓ ", "✓\u{a0}").replace("✗ ", "✗\u{a0}");
    }
    table
}

fn workload_section(
    workload: &WorkloadAnalysis,
    labels: Labels,
) -> Result<WorkloadSection<'_>, ReportError> {
    let several = workload.cases.len() > 1;
    let cases: Result<Vec<_>, _> =
        workload.cases.iter().map(|case| case_section(case, several, labels)).collect();
    Ok(WorkloadSection {
        name: &workload.name,
        title: workload.record.as_ref().map_or("", |record| &record.title),
        about: workload.record.as_ref().map(tables::workload),
        cases: cases?,
    })
}

fn case_section(
    case: &CaseAnalysis,
    several: bool,
    labels: Labels,
) -> Result<CaseSection, ReportError> {
    let figures = [
        charts::phases(case, labels)?,
        charts::cold_start(case, labels)?,
        charts::distribution(case, labels)?,
    ];
    Ok(CaseSection {
        name: several.then(|| case.case.to_string()),
        figures: figures.into_iter().flatten().collect(),
        request_phases: tables::request_phases(case, labels),
        cold_starts: tables::cold_starts(case, labels),
    })
}

/// Cells without figures, and why.
pub(crate) fn unmeasured(analysis: &Analysis) -> Vec<Unmeasured> {
    let cells = analysis.cells().filter_map(|(case, cell)| {
        let (state, reason, detail) = match &cell.state {
            CellState::Measured(_) | CellState::Pending => return None,
            CellState::Unsupported { reason } => ("unsupported", reason.clone(), String::new()),
            CellState::Failed { failure, .. } => (
                "failed",
                format!("during {}: {}", failure.during, failure.message),
                failure.detail.clone(),
            ),
        };
        Some(Unmeasured {
            cell: format!("{} on {}", case.case, cell.target),
            state,
            reason,
            detail,
        })
    });
    cells.collect()
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
