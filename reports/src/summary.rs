//! The results as plain text for a terminal.

use crate::analysis::{Analysis, CellState, distinct};
use crate::boundary::Lab;
use crate::places::places;
use crate::tables::{self, Table};
use crate::warnings::grouped;
use crate::{banners, headline};

/// The columns that fit a terminal.
const COLUMNS: [&str; 9] = [
    "case",
    "target",
    "median",
    "95% interval",
    "p99",
    "× native",
    "95% of ratio",
    "outputs",
    "boundary",
];

/// Findings of one kind that are listed before the rest is only counted.
const LISTED: usize = 4;

/// The result table, the answers, what could not be measured, and warnings.
#[must_use]
pub fn summary(analysis: &Analysis) -> String {
    let mut sections = Vec::new();
    if !analysis.workloads.is_empty() || analysis.boundary.is_none() {
        let results = tables::results(analysis).only(&COLUMNS);
        sections.extend([aligned(&results), answers(analysis)]);
    }
    sections.extend(analysis.boundary.as_ref().map(boundary));
    sections.extend(routes(analysis));
    sections.extend(limits(analysis));
    sections.extend(Some(verdicts(analysis)).filter(|text| !text.is_empty()));
    let banners = banners::parity(analysis).into_iter().chain(banners::of(analysis));
    let notes: Vec<_> = banners
        .map(|banner| format!("{} {}: {}", banner.tone.mark(), banner.title, banner.text))
        .collect();
    sections.push(notes.join("\n"));
    sections.extend(Some(not_measured(analysis)).filter(|text| !text.is_empty()));
    sections.extend(Some(warnings(analysis)).filter(|text| !text.is_empty()));
    let mut text: String = sections.join("\n\n").chars().filter(|it| is_printable(*it)).collect();
    text.push('\n');
    text
}

/// A name or a message must not move the cursor or change colours.
pub(crate) fn is_printable(letter: char) -> bool {
    letter == '\n' || !letter.is_control()
}

fn not_measured(analysis: &Analysis) -> String {
    let failed = analysis.cells().filter_map(|(case, cell)| {
        let CellState::Failed { failure, .. } = &cell.state else { return None };
        let (case, target, during) = (&case.case, &cell.target, &failure.during);
        Some(format!("{case} on {target} failed during {during}: {}", failure.message))
    });
    let unsupported = analysis
        .unsupported
        .iter()
        .map(|it| format!("unsupported: {}: {}", places(analysis, &it.cells), it.reason));
    let lines = failed.chain(unsupported).map(|line| line.replace('\n', " "));
    lines.collect::<Vec<_>>().join("\n")
}

/// What a rewrite buys, where there are some.
fn routes(analysis: &Analysis) -> Option<String> {
    let is_rewritten = !tables::routes(analysis).rows.is_empty();
    let estimates = tables::route_estimates(analysis);
    is_rewritten.then(|| {
        let words = tables::routes_in_words(analysis).join("\n");
        format!("what a rewrite buys:\n{words}\n\n{}", aligned(&estimates))
    })
}

fn limits(analysis: &Analysis) -> Option<String> {
    let table = tables::limits(analysis);
    let title = "what limits cost, in times the tier that is otherwise the same";
    (!table.rows.is_empty()).then(|| format!("{title}:\n{}", aligned(&table)))
}

/// What a crossing costs, both ways.
fn boundary(lab: &Lab) -> String {
    let of = [
        tables::boundary::fits_both_ways(lab),
        tables::boundary::batching(lab),
        tables::boundary::copies(lab),
    ];
    let mut sections: Vec<String> =
        of.iter().filter(|table| !table.rows.is_empty()).map(aligned).collect();
    sections.push(tables::boundary::rules(lab).join("\n"));
    let missing = tables::boundary::missing(lab).into_iter().map(|line| line.replace('\n', " "));
    sections.push(missing.collect::<Vec<_>>().join("\n"));
    sections.retain(|section| !section.is_empty());
    sections.join("\n\n")
}

/// Of one workload with reasons, of several as a table.
fn verdicts(analysis: &Analysis) -> String {
    if analysis.workloads.len() > 1 && !analysis.verdicts.is_empty() {
        return aligned(&tables::verdicts(analysis));
    }
    let lines = analysis.verdicts.iter().map(|it| {
        let conditions = it.conditions.iter().map(|condition| format!(" Condition: {condition}."));
        let (scenario, grade, reason) = (&it.scenario, it.grade.name(), &it.reason);
        let line = format!("{scenario}: {grade}. {reason}{}", conditions.collect::<String>());
        line.replace('\n', " ")
    });
    // The same in most scenarios, whose best target is mostly the same.
    let batching = distinct(analysis.verdicts.iter().filter_map(|it| it.batching.clone()));
    lines.chain(batching).collect::<Vec<_>>().join("\n")
}

fn answers(analysis: &Analysis) -> String {
    let overall = headline::overall(analysis).into_iter();
    let overall = overall.map(|it| format!("{} {}{}", it.before, it.figure, it.after));
    let lines = headline::of(analysis).into_iter().flat_map(|(case, headlines)| {
        headlines.into_iter().map(move |it| {
            let line = format!("{}: {} {}{}", case.case, it.before, it.figure, it.after);
            line.replace('\n', " ")
        })
    });
    lines.chain(overall).collect::<Vec<_>>().join("\n")
}

fn warnings(analysis: &Analysis) -> String {
    let mut lines = Vec::new();
    for group in grouped(&analysis.warnings) {
        lines.push(format!("{}: {}", group.severity.name(), group.title));
        let findings = group.findings.iter().take(LISTED);
        lines.extend(findings.map(|finding| format!("    {}", finding.replace('\n', " "))));
        if group.findings.len() > LISTED {
            lines.push(format!("    and {} more", group.findings.len() - LISTED));
        }
        lines.push(format!("    remedy: {}", group.remedy));
    }
    lines.join("\n")
}

/// Columns as wide as their widest entry, figures to the right.
pub(crate) fn aligned(table: &Table) -> String {
    let width = |text: &str| text.chars().count();
    let widths: Vec<_> = table
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let entries = table.rows.iter().filter_map(|row| row.get(at));
            entries.map(|it| width(&it.text)).chain([width(&column.title)]).max().unwrap_or(0)
        })
        .collect();
    let line = |texts: Vec<&str>| {
        let fields =
            texts.iter().zip(&table.columns).zip(&widths).map(|((text, column), width)| {
                if column.is_figure { format!("{text:>width$}") } else { format!("{text:<width$}") }
            });
        fields.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = line(table.columns.iter().map(|column| column.title.as_str()).collect());
    let rows =
        table.rows.iter().map(|row| line(row.iter().map(|entry| entry.text.as_str()).collect()));
    std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\n")
}
