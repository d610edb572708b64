//! What tiers make of a guest before any launch.

use super::{Entry, Style, Table};
use crate::analysis::{Analysis, Preparation};
use crate::format::{duration, size};

/// One row per target and start.
pub(crate) fn preparations(analysis: &Analysis) -> Table {
    let mut table = Table::new(
        &["target", "start", "executed", "compiled"],
        &["WASM module", "artifact", "compile time"],
    );
    for preparation in &analysis.preparations {
        let mut row = vec![
            Entry::new(preparation.target.to_string()),
            Entry::new(preparation.start.name()),
            Entry::figure(preparation.execution.map(|it| it.name().to_owned())),
        ];
        row.extend(compiled(preparation));
        table.rows.push(row);
    }
    table.with_quiet_repeats()
}

fn compiled(preparation: &Preparation) -> [Entry; 4] {
    let module = Entry::figure(preparation.module_bytes.map(size));
    let Some(artifact) = &preparation.artifact else {
        let nothing = Entry::new("compiles nothing").style(Style::Quiet);
        return [Entry::figure(None), module, Entry::figure(None), nothing];
    };
    [
        Entry::new(if artifact.cached { "earlier" } else { "in this run" }),
        module,
        Entry { full: Some(artifact.sha256.clone()), ..Entry::new(size(artifact.bytes)) },
        Entry::new(duration(artifact.compile_ns as f64)),
    ]
}
