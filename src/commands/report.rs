//! `wasmfit report`: the report of a saved run, again.

use wasmfit_record::RunDirectory;

use crate::cli::Report;
use crate::commands::{print, print_json};
use crate::exit::{CommandError, Ending};

/// Writes `report.html` and `report.md` into the run directory.
pub(crate) fn run(arguments: &Report) -> Result<Ending, CommandError> {
    let folder = &arguments.run;
    // A folder that is no run is told apart before anything is read.
    RunDirectory::read(folder)?;
    let analysis = wasmfit_reports::analyze(folder)?;
    let report = wasmfit_reports::render(folder, &analysis)?;
    if arguments.json {
        print_json(&analysis)?;
    } else {
        print(&format!(
            "{}\n{}\n{}\n",
            wasmfit_reports::summary(&analysis),
            report.markdown.display(),
            report.html.display()
        ))?;
    }
    Ok(Ending::Done)
}
