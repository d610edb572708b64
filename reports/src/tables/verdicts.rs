//! What is asked of a workload in a scenario, and how it comes out.

use wasmfit_record::Scenario;

use super::{Entry, Style, Table};
use crate::analysis::Analysis;
use crate::format::{NONE, duration_interval, ratio, ratio_interval};
use crate::verdict::{Asked, Best, Figure, Grade, Outcome, Requirement};

/// One row per workload, one column per scenario.
pub(crate) fn verdicts(analysis: &Analysis) -> Table {
    let names: Vec<_> = analysis.scenarios.iter().map(|it| it.name.as_str()).collect();
    let mut table = Table::new(&["workload"], &[]).followed_by(&names, &[]);
    for workload in &analysis.workloads {
        let of_workload = analysis.verdicts.iter().filter(|it| it.workload == workload.name);
        let mut row = vec![Entry::new(workload.name.as_str())];
        row.extend(of_workload.map(|it| Entry::new(it.grade.name()).style(style(it.grade))));
        table.rows.push(row);
    }
    table
}

const fn style(grade: Grade) -> Style {
    match grade {
        Grade::Strong => Style::Strong,
        Grade::Conditional => Style::Plain,
        Grade::NotAssessable => Style::Quiet,
        Grade::Weak => Style::Bad,
    }
}

/// One row per requirement.
pub(crate) fn requirements(best: &Best) -> Table {
    let mut table = Table::new(&["requirement"], &["budget", "found", "room"])
        .followed_by(&["outcome", "because"], &[]);
    for (at, it) in best.requirements.iter().enumerate() {
        let outcome = match it.outcome {
            Outcome::Passed => Style::Plain,
            Outcome::Undecided | Outcome::Unknown => Style::Quiet,
            Outcome::Failed => Style::Bad,
        };
        let decides = if at == best.deciding { Style::Strong } else { Style::Plain };
        table.rows.push(vec![
            Entry::new(it.asked.title()).style(decides),
            Entry::figure(it.limit.map(|limit| it.asked.told(limit))),
            Entry::figure(it.figure.map(|figure| found(&it.asked, figure))),
            Entry::figure(it.margin().map(ratio)),
            Entry::new(it.outcome.name()).style(outcome),
            Entry::new(because(it)),
        ]);
    }
    table
}

fn because(it: &Requirement) -> &str {
    if it.because.is_empty() { NONE } else { &it.because }
}

fn found(asked: &Asked, figure: Figure) -> String {
    let told = asked.told(figure.value());
    let Figure::Measured(estimate) = figure else { return told };
    let interval = match asked {
        Asked::P50 | Asked::P99 | Asked::ColdStart => duration_interval(&estimate),
        Asked::Slowdown => ratio_interval(&estimate),
        _ => None,
    };
    match interval {
        Some(interval) => format!("{told} ({interval})"),
        None => told,
    }
}

/// The budgets of a scenario, each in a few words.
pub(crate) fn asked(scenario: &Scenario) -> Vec<String> {
    let told =
        |(asked, limit): (Asked, f64)| format!("{} within {}", asked.title(), asked.told(limit));
    Asked::limits(&scenario.budgets).map(told).collect()
}
