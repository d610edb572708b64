//! Phases in figures, beside their charts.

use wasmfit_protocol::{ColdPhase, RequestPhase};

use super::{Entry, Style, Table};
use crate::analysis::{CaseAnalysis, ColdStart, PhaseTime, Phases};
use crate::format::{count, duration, duration_interval, of_planned, percent, ratio};

/// The request phases of a case, one row per target.
pub(crate) fn request_phases(case: &CaseAnalysis) -> Table {
    let mut titles = RequestPhase::ALL.map(RequestPhase::name).to_vec();
    titles.extend(["sum", "marshalling", "against plain", "requests"]);
    let mut table = Table::new(&["target", "boundary"], &titles);
    for cell in &case.cells {
        let Some(phases) = cell.measured().and_then(|it| it.phases.as_ref()) else { continue };
        let boundary = cell.boundary.map(|it| it.name().to_owned());
        let mut row = vec![Entry::new(cell.target.to_string()), Entry::figure(boundary)];
        row.extend(RequestPhase::ALL.map(|phase| time_of(phase, &phases.parts)));
        row.extend(totals(phases));
        table.rows.push(row);
    }
    table
}

fn totals(phases: &Phases) -> [Entry; 4] {
    let signed = |share: f64| format!("{}{}", if share < 0.0 { "" } else { "+" }, percent(share));
    [
        Entry::new(duration(phases.total_ns)).style(Style::Strong),
        Entry::new(percent(phases.marshalling_share)),
        Entry::figure(phases.perturbation_share.map(signed)),
        Entry::new(count(phases.requests)),
    ]
}

/// The cold starts of a case, one row per target and start.
pub(crate) fn cold_starts(case: &CaseAnalysis) -> Table {
    let mut titles = vec!["total", "95% interval"];
    titles.extend(ColdPhase::ALL.map(ColdPhase::name));
    titles.extend(["unaccounted", "launches"]);
    let mut table = Table::new(&["target", "start"], &titles);
    for cell in &case.cells {
        for cold in cell.measured().map_or(&[][..], |it| &it.cold_starts) {
            let name = Entry::new(cell.target.to_string());
            let mut row = vec![name, Entry::new(cold.start.name())];
            row.extend(cold_start(cold));
            table.rows.push(row);
        }
    }
    table.without_empty_columns()
}

fn cold_start(cold: &ColdStart) -> Vec<Entry> {
    let mut row = vec![
        Entry::new(duration(cold.total_ns.value)).style(Style::Strong),
        Entry::figure(duration_interval(&cold.total_ns)),
    ];
    row.extend(ColdPhase::ALL.map(|phase| time_of(phase, &cold.phases)));
    row.push(Entry::new(duration(cold.unaccounted_ns)));
    row.push(Entry::new(of_planned(cold.launches, cold.launches_planned)));
    row
}

/// The first requests of a case beside the later ones, one row per target.
pub(crate) fn warm_ups(case: &CaseAnalysis) -> Table {
    let mut table = Table::new(&["target"], &["first requests", "later", "times"]);
    for cell in &case.cells {
        let Some(measured) = cell.measured() else { continue };
        let (Some(warm_up), Some(latency)) = (&measured.warm_up, &measured.latency) else {
            continue;
        };
        table.rows.push(vec![
            Entry::new(cell.target.to_string()),
            Entry::new(duration(warm_up.first_ns)),
            Entry::new(duration(latency.median_ns.value)),
            Entry::new(ratio(warm_up.times_later)).style(Style::Strong),
        ]);
    }
    table
}

fn time_of<P: Copy + PartialEq>(phase: P, times: &[PhaseTime<P>]) -> Entry {
    let found = times.iter().find(|time| time.phase == phase);
    Entry::figure(found.map(|time| duration(time.median_ns)))
}
