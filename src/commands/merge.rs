//! `wasmfit merge`: shards of a matrix as one run.

use wasmfit_record::{Run, merge};

use crate::cli::Merge;
use crate::commands::{bench, compare, print, require_no_run};
use crate::exit::{CommandError, Ending};
use crate::matrix::command_line;

/// Merges shards, writes the report, and compares where two versions were
/// measured in turn.
pub(crate) fn run(arguments: &Merge) -> Result<Ending, CommandError> {
    let out = &arguments.out;
    require_no_run(out, "")?;
    let merged = |folders: &[_], out| -> Result<Run, CommandError> {
        merge(folders, out, command_line(), arguments.partial).map_err(CommandError::from)
    };
    let run = merged(&arguments.shards, out)?;
    let new = bench::report(out)?;
    print(&format!(
        "{} of {} shards merged\nreport: {}\n",
        run.shards.len(),
        run.shards.first().map_or(0, |it| it.shard.of),
        out.join("report.html").display()
    ))?;
    if run.session.is_none() {
        return Ok(Ending::Done);
    }
    let base = out.join("base");
    let folders: Vec<_> = arguments.shards.iter().map(|it| it.join("base")).collect();
    merged(&folders, &base)?;
    let comparison = compare::compare(&bench::report(&base)?, &new, &arguments.terms)?;
    compare::keep(&comparison, out)?;
    print(&format!("\n{}", wasmfit_reports::comparison::text(&comparison)))?;
    let found = compare::fails(&comparison, &arguments.fail_on);
    Ok(if found { Ending::Changed } else { Ending::Done })
}
