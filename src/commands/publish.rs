//! `wasmfit publish`: saved runs as a static site.

use wasmfit_record::RunDirectory;

use crate::cli::Publish;
use crate::commands::print;
use crate::exit::{CommandError, Ending};

/// Writes the site.
pub(crate) fn run(arguments: &Publish) -> Result<Ending, CommandError> {
    // A folder that is no run is told apart before anything is written.
    for folder in &arguments.runs {
        RunDirectory::read(folder)?;
    }
    let index = wasmfit_reports::publish(&arguments.runs, &arguments.out)?;
    print(&format!("{}\n", index.display()))?;
    Ok(Ending::Done)
}
