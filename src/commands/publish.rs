//! `wasmfit publish`: saved runs as a static site.

use wasmfit_record::RunDirectory;

use crate::cli::Publish;
use crate::commands::print;
use crate::exit::{CommandError, Ending};
use crate::live;
use crate::places::Places;

/// Writes the site.
pub(crate) fn run(arguments: &Publish) -> Result<Ending, CommandError> {
    // A folder that is no run is told apart before anything is written.
    let runs = arguments.runs.iter().map(|folder| RunDirectory::read(folder));
    let runs = runs.collect::<Result<Vec<_>, _>>()?;
    let last = runs.iter().max_by(|a, b| a.started_at.cmp(&b.started_at));
    let live = match (&arguments.live, last) {
        (Some(guest), Some(run)) => Some(live::gather(&Places::find()?, guest.as_deref(), run)?),
        _ => None,
    };
    let index = wasmfit_reports::publish(&arguments.runs, live.as_ref(), &arguments.out)?;
    print(&format!("{}\n", index.display()))?;
    Ok(Ending::Done)
}
