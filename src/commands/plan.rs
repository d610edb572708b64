//! `wasmfit plan`: how a matrix is divided into shards.

use std::fmt::Write;

use serde::Serialize;
use wasmfit_record::{CellOutcome, Shard};

use crate::cli::Plan;
use crate::commands::{print, print_json};
use crate::exit::{CommandError, Ending};
use crate::versions::Version;

/// A shard, and what it measures.
#[derive(Serialize)]
struct Planned {
    #[serde(flatten)]
    shard: Shard,
    cases: Vec<String>,
    /// Cells that can be measured.
    cells: usize,
}

/// Shows the shards of a matrix.
pub(crate) fn run(arguments: &Plan) -> Result<Ending, CommandError> {
    let of = arguments.shards;
    let versions = Version::all(&arguments.bench)?;
    let inventory = versions[0].setting.inventory()?;
    let whole = versions[0].matrix(&arguments.bench, &inventory)?;
    let mut all = Vec::new();
    for index in 1..=of {
        let shard = Shard { index, of };
        let mut part = whole.clone();
        part.keep_shard(shard)?;
        let cells = part.cells();
        let open = cells.iter().filter(|cell| cell.outcome == CellOutcome::Pending).count();
        let mut cases: Vec<String> = cells.iter().map(|cell| cell.case.to_string()).collect();
        cases.dedup();
        all.push(Planned { shard, cases, cells: open });
    }
    if arguments.bench.json {
        print_json(&all)?;
    } else {
        print(&told(&all))?;
    }
    Ok(Ending::Done)
}

fn told(all: &[Planned]) -> String {
    let mut text = String::new();
    for Planned { shard: Shard { index, of }, cases, cells } in all {
        let _ = writeln!(text, "--shard {index}/{of}  {cells} cells: {}", cases.join(", "));
    }
    text.push_str(
        "Measure each by `wasmfit bench` with the same options and its --shard, and join them by `wasmfit merge`.\n",
    );
    text
}
