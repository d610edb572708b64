//! A comparison as text, Markdown, JUnit's XML and workflow annotations.

use askama::Template;

use super::cell::{DRIFT_OF_RATIOS, DRIFT_OF_TIMES};
use super::{
    CellChange, CellState, Change, Changes, Comparison, Finding, Measure, OutputChange, Pairing,
    Unmatched,
};
use crate::format::counted;
use crate::markdown::{escape, table};
use crate::summary::{aligned, is_printable};
use crate::tables::Table;
use crate::tables::comparison as tables;

/// For a terminal.
#[must_use]
pub fn text(comparison: &Comparison) -> String {
    let section = |title: &str, table: &Table| {
        (!table.rows.is_empty()).then(|| format!("{title}\n{}", aligned(table)))
    };
    let list = |title: &str, lines: Vec<String>| {
        let lines: Vec<String> = lines.into_iter().map(|line| format!("    {line}")).collect();
        (!lines.is_empty()).then(|| format!("{title}\n{}", lines.join("\n")))
    };
    let sections = [
        Some(headline(comparison)),
        Some(aligned(&tables::changes(comparison))),
        section("Which class it was:", &tables::class_changes(comparison)),
        section("Other changes:", &tables::other_changes(comparison)),
        list("Cells:", cells(comparison)),
        list("Verdicts:", verdicts(comparison)),
        list("In what the versions differ:", differences(comparison)),
        list("Keep in mind:", notes(comparison)),
    ];
    let text: String = sections.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    text.chars().filter(|it| is_printable(*it)).chain(['\n']).collect()
}

/// For a job summary or a comment.
#[must_use]
pub fn markdown(comparison: &Comparison) -> String {
    let section = |title: &str, of: &Table| {
        (!of.rows.is_empty()).then(|| format!("### {title}\n\n{}", table(of)))
    };
    let list = |title: &str, lines: Vec<String>| {
        let lines: Vec<String> =
            lines.into_iter().map(|line| format!("- {}", escape(&line))).collect();
        (!lines.is_empty()).then(|| format!("### {title}\n\n{}", lines.join("\n")))
    };
    let changes = tables::changes(comparison);
    let quiet = comparison.cells.iter().all(is_unchanged);
    let cells_table = if quiet {
        format!("<details><summary>All cells</summary>\n\n{}\n\n</details>", table(&changes))
    } else {
        table(&changes)
    };
    let sections = [
        Some(format!("## wasmfit: {}", escape(&headline(comparison)))),
        Some(cells_table),
        section("Which class it was", &tables::class_changes(comparison)),
        section("Other changes", &tables::other_changes(comparison)),
        list("Cells", cells(comparison)),
        list("Verdicts", verdicts(comparison)),
        list("In what the versions differ", differences(comparison)),
        list("Keep in mind", notes(comparison)),
    ];
    sections.into_iter().flatten().collect::<Vec<_>>().join("\n\n") + "\n"
}

/// As JUnit's XML, which continuous integration shows as tests: what got worse
/// has failed, what is not decided was skipped.
///
/// # Errors
///
/// The template cannot be filled in.
pub fn junit(comparison: &Comparison) -> Result<String, askama::Error> {
    let mut tests = Vec::new();
    for cell in &comparison.cells {
        let test = |name: String, outcome| TestCase {
            class: format!("{}.{}", cell.case, cell.target),
            name,
            outcome,
        };
        match &cell.state {
            CellState::Compared(changes) => {
                tests.extend(
                    changes
                        .measures
                        .iter()
                        .map(|change| test(change.measure.to_string(), outcome(change))),
                );
                let outcome = match changes.outputs {
                    OutputChange::Same => TestOutcome::Passed,
                    other => TestOutcome::Skipped(tables::output(other).unwrap_or("").into()),
                };
                tests.push(test("outputs".into(), outcome));
            }
            CellState::Broken { reason } => {
                tests.push(test("runs".into(), TestOutcome::Failed(reason.clone())));
            }
            CellState::Mended { .. } => tests.push(test("runs".into(), TestOutcome::Passed)),
            CellState::NotMeasured { reason } => {
                tests.push(test("runs".into(), TestOutcome::Skipped(reason.clone())));
            }
        }
    }
    for verdict in &comparison.verdicts {
        let message = verdict_line(verdict);
        let outcome = if verdict.is_regression() {
            TestOutcome::Failed(message)
        } else {
            TestOutcome::Skipped(message)
        };
        let class = format!("{}.verdict", verdict.workload);
        tests.push(TestCase { class, name: verdict.scenario.clone(), outcome });
    }
    let is_failed = |test: &&TestCase| matches!(test.outcome, TestOutcome::Failed(_));
    let is_skipped = |test: &&TestCase| matches!(test.outcome, TestOutcome::Skipped(_));
    let (failed, skipped) =
        (tests.iter().filter(is_failed).count(), tests.iter().filter(is_skipped).count());
    JUnit { started_at: &comparison.new.started_at, failed, skipped, tests }.render()
}

#[derive(Template)]
#[template(path = "junit.xml")]
struct JUnit<'a> {
    started_at: &'a str,
    failed: usize,
    skipped: usize,
    tests: Vec<TestCase>,
}

struct TestCase {
    class: String,
    name: String,
    outcome: TestOutcome,
}

enum TestOutcome {
    Passed,
    Failed(String),
    Skipped(String),
}

fn outcome(change: &Change) -> TestOutcome {
    match change.finding {
        Finding::Worse => TestOutcome::Failed(line(change)),
        Finding::Better | Finding::Unchanged => TestOutcome::Passed,
        Finding::Inconclusive { .. } => TestOutcome::Skipped(line(change)),
    }
}

/// As annotations of a GitHub workflow: what got worse as errors, what is not
/// decided as warnings.
#[must_use]
pub fn github(comparison: &Comparison) -> String {
    let mut lines = Vec::new();
    let mut annotate = |level: &str, title: &str, message: &str| {
        let (title, message) = (property(title), data(message));
        lines.push(format!("::{level} title={title}::{message}\n"));
    };
    for cell in &comparison.cells {
        let title = format!("{} on {}", cell.case, cell.target);
        match &cell.state {
            CellState::Compared(changes) => {
                for change in &changes.measures {
                    match change.finding {
                        Finding::Worse => annotate("error", &title, &line(change)),
                        Finding::Better => annotate("notice", &title, &line(change)),
                        Finding::Inconclusive { .. } if change.measure == Measure::Latency => {
                            annotate("warning", &title, &line(change));
                        }
                        Finding::Inconclusive { .. } | Finding::Unchanged => {}
                    }
                }
                if changes.outputs == OutputChange::OtherBytes {
                    let told = tables::output(changes.outputs).unwrap_or_default();
                    annotate("warning", &title, &format!("outputs: {told}"));
                }
            }
            CellState::Broken { reason } => {
                annotate("error", &title, &format!("broken: {reason}"));
            }
            CellState::Mended { .. } | CellState::NotMeasured { .. } => {}
        }
    }
    for verdict in &comparison.verdicts {
        let level = if verdict.is_regression() { "error" } else { "notice" };
        annotate(level, &format!("verdict of {}", verdict.workload), &verdict_line(verdict));
    }
    annotate("notice", "wasmfit", &headline(comparison));
    lines.concat()
}

/// What a workflow command's data must not hold as it is (GitHub, "Workflow
/// commands", and its runner's source).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property may hold neither colon nor comma either.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// `latency: slower, 84.1 µs before, 91.0 µs now, +8.2% (+7.0% to +9.1%)`.
fn line(change: &Change) -> String {
    let interval = tables::interval(&change.ratio).map(|it| format!(" ({it})"));
    format!(
        "{}: {}; {} before, {} now, {}{}",
        change.measure,
        tables::finding(change),
        tables::value(change, change.base),
        tables::value(change, change.new),
        tables::percent_of(change.ratio.value),
        interval.unwrap_or_default()
    )
}

/// What is to be said first.
fn headline(comparison: &Comparison) -> String {
    let latencies =
        || comparison.changes().filter(|(_, change)| change.measure == Measure::Latency);
    let count_of = |wanted: fn(Finding) -> bool| {
        latencies().filter(|(_, change)| wanted(change.finding)).count() as u64
    };
    let broken =
        comparison.cells.iter().filter(|it| matches!(it.state, CellState::Broken { .. })).count();
    let slower = count_of(|it| it == Finding::Worse);
    let faster = count_of(|it| it == Finding::Better);
    let open = count_of(|it| matches!(it, Finding::Inconclusive { .. }));
    let unchanged = count_of(|it| it == Finding::Unchanged);
    let cells = |count, what: &str| {
        (count > 0).then(|| format!("{} {what}", counted(count, "cell", "cells")))
    };
    let parts: Vec<String> = [
        cells(broken as u64, "broken"),
        cells(slower, "slower"),
        cells(faster, "faster"),
        cells(unchanged, "unchanged"),
        cells(open, "inconclusive"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() { "nothing was compared".into() } else { parts.join(", ") }
}

fn is_unchanged(cell: &CellChange) -> bool {
    match &cell.state {
        CellState::Compared(changes) => {
            changes.of(Measure::Latency).is_some_and(|it| it.finding == Finding::Unchanged)
        }
        CellState::Broken { .. } | CellState::Mended { .. } => false,
        CellState::NotMeasured { .. } => true,
    }
}

/// What is to be told of cells besides figures.
fn cells(comparison: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    for CellChange { case, target, state } in &comparison.cells {
        let told = match state {
            CellState::Broken { reason } => Some(format!("broken: {reason}")),
            CellState::Mended { reason } => Some(format!("measured now; before {reason}")),
            // A run that does not tell tells of no cell: a note says so once.
            CellState::Compared(changes) if changes.outputs == OutputChange::NotTold => None,
            CellState::Compared(changes) => {
                tables::output(changes.outputs).map(|told| format!("outputs: {told}"))
            }
            CellState::NotMeasured { .. } => None,
        };
        lines.extend(told.map(|told| format!("{case} on {target}: {told}")));
    }
    lines
}

fn verdicts(comparison: &Comparison) -> Vec<String> {
    comparison.verdicts.iter().map(verdict_line).collect()
}

fn verdict_line(verdict: &super::VerdictChange) -> String {
    let doubt = if verdict.is_backed {
        ""
    } else {
        " No figure of it is known to have changed: it lies too near to a budget."
    };
    format!(
        "{} in {}: {} before, {} now. {}{doubt}",
        verdict.workload,
        verdict.scenario,
        verdict.base.name(),
        verdict.new.name(),
        verdict.reason
    )
}

fn differences(comparison: &Comparison) -> Vec<String> {
    if comparison.differences.is_empty() {
        return vec!["in nothing that is recorded".into()];
    }
    comparison.differences.iter().map(ToString::to_string).collect()
}

fn notes(comparison: &Comparison) -> Vec<String> {
    let mut notes = Vec::new();
    let terms = comparison.terms;
    let least = crate::format::percent(terms.least_effect);
    notes.push(match comparison.pairing {
        Pairing::Interleaved { .. } => format!(
            "Both versions were launched in turn; a change counts from {least}, and between equal versions anything is claimed once in a hundred comparisons at most."
        ),
        Pairing::Apart { .. } => format!(
            "The runs were made one after the other, so what is compared are ratios to native. Sessions differ for no reason: a change of a ratio counts from {:.0}%, of native itself from {:.0}%; measure both in turn for less.",
            DRIFT_OF_RATIOS * 100.0,
            DRIFT_OF_TIMES * 100.0
        ),
    });
    for (version, name) in [(&comparison.base, "base"), (&comparison.new, "new run")] {
        if version.is_unfinished {
            notes.push(format!("The {name} is unfinished: launches are missing."));
        }
    }
    let not_told =
        |(_, changes): &(&CellChange, &Changes)| changes.outputs == OutputChange::NotTold;
    let not_told = comparison.compared().filter(not_told).count() as u64;
    if not_told > 0 {
        notes.push(format!(
            "Of {} a run does not tell whether outputs are the same bytes as before: it was made before that was noted.",
            counted(not_told, "cell", "cells")
        ));
    }
    if comparison.base.machines != comparison.new.machines {
        notes.push(format!(
            "The machines differ: {} and {}.",
            comparison.base.machines.join(", "),
            comparison.new.machines.join(", ")
        ));
    }
    let only = |side| {
        let cells = comparison.unmatched.iter().filter(move |it: &&Unmatched| it.side == side);
        cells.map(|it| format!("{} on {}", it.case, it.target)).collect::<Vec<_>>()
    };
    for (side, name) in
        [(wasmfit_record::Side::Base, "base"), (wasmfit_record::Side::New, "new run")]
    {
        let cells = only(side);
        if !cells.is_empty() {
            notes.push(format!("Only the {name} has {}.", listed(&cells)));
        }
    }
    notes
}

/// At most a few, and how many more.
fn listed(all: &[String]) -> String {
    const FEW: usize = 4;
    let few = all.iter().take(FEW).cloned().collect::<Vec<_>>().join(", ");
    match all.len().checked_sub(FEW) {
        Some(more) if more > 0 => format!("{few} and {more} more"),
        _ => few,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_stay_on_their_line() {
        assert_eq!(data("50%\nnext"), "50%25%0Anext");
        assert_eq!(property("a: b, c"), "a%3A b%2C c");
    }

    #[test]
    fn long_lists_are_cut() {
        let all: Vec<String> = (0..6).map(|it| it.to_string()).collect();
        assert_eq!(listed(&all), "0, 1, 2, 3 and 2 more");
        assert_eq!(listed(&all[..2]), "0, 1");
    }
}
