//! What browsers tell of the pages that guests were in.

use super::{Entry, Style, Table};
use crate::analysis::{CaseAnalysis, PageFigures};
use crate::format::{duration, size};

/// The pages of a case, one row per target in a browser.
pub(crate) fn pages(case: &CaseAnalysis) -> Table {
    let titles =
        ["stands still", "over the network", "packed", "unpacked", "clock step", "isolated"];
    let mut table = Table::new(&["target", "version"], &titles);
    for cell in &case.cells {
        let Some(measured) = cell.measured() else { continue };
        let Some(page) = &measured.page else { continue };
        let names = [cell.target.to_string(), measured.runtime_version.clone()];
        table.rows.push(names.map(Entry::new).into_iter().chain(figures(page)).collect());
    }
    table
}

fn figures(page: &PageFigures) -> [Entry; 6] {
    // Browsers tell of tasks from 50 ms on (W3C, Long Tasks API).
    let blocked = match page.blocked_ns {
        0.0 => "under 50 ms".to_owned(),
        blocked_ns => duration(blocked_ns),
    };
    [
        Entry::new(blocked).style(Style::Strong),
        Entry::new(size(page.transferred_bytes)),
        Entry::new(size(page.encoded_bytes)),
        Entry::new(size(page.decoded_bytes)),
        Entry::new(duration(page.clock_step_ns)),
        Entry::new(if page.is_isolated { "yes" } else { "no" }),
    ]
}
