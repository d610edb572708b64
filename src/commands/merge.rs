//! `wasmfit merge`: shards of a matrix as one run.

use wasmfit_record::{Run, merge};

use crate::cli::Merge;
use crate::commands::{compare, print};
use crate::exit::{CommandError, Ending};
use crate::matrix::command_line;

/// Merges shards, writes the report, and compares where two versions were
/// measured in turn.
pub(crate) fn run(arguments: &Merge) -> Result<Ending, CommandError> {
    let out = &arguments.out;
    if out.join("run.json").exists() {
        return Err(CommandError::Usage(format!(
            "{} holds a run already: give another --out",
            out.display()
        )));
    }
    let merged = |folders: &[_], out| -> Result<Run, CommandError> {
        merge(folders, out, command_line(), arguments.partial).map_err(CommandError::from)
    };
    let run = merged(&arguments.shards, out)?;
    let report = wasmfit_reports::write(out)?;
    print(&format!(
        "{} of {} shards merged\nreport: {}\n",
        run.shards.len(),
        run.shards.first().map_or(0, |it| it.shard.of),
        report.html.display()
    ))?;
    if run.session.is_none() {
        return Ok(Ending::Done);
    }
    let base = out.join("base");
    let folders: Vec<_> = arguments.shards.iter().map(|it| it.join("base")).collect();
    merged(&folders, &base)?;
    wasmfit_reports::write(&base)?;
    let [base, new] = [&base, out].map(|folder| wasmfit_reports::analyze(folder));
    let comparison = compare::compare(&base?, &new?, &arguments.terms)?;
    compare::keep(&comparison, out)?;
    print(&format!("\n{}", wasmfit_reports::comparison::text(&comparison)))?;
    let found = compare::fails(&comparison, &arguments.fail_on);
    Ok(if found { Ending::Changed } else { Ending::Done })
}
