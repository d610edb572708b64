//! `wasmfit compare`: what got slower from one run to another.

use std::fs;
use std::path::Path;

use wasmfit_record::{Run, RunDirectory};
use wasmfit_reports::Analysis;
use wasmfit_reports::comparison::{self, Comparison};

use crate::cli::{Compare, ComparisonFormat, FailOn, Terms};
use crate::commands::{print, print_json};
use crate::exit::{CommandError, Ending};

/// Compares two runs that were made before.
pub(crate) fn run(arguments: &Compare) -> Result<Ending, CommandError> {
    let (base, new) = (comparison::load(&arguments.base)?, comparison::load(&arguments.new)?);
    let comparison = comparison::compare(&base, &new, &terms(&arguments.terms))
        .map_err(|error| CommandError::Run(error.to_string()))?;
    match arguments.format {
        ComparisonFormat::Text => print(&comparison::text(&comparison))?,
        ComparisonFormat::Markdown => print(&comparison::markdown(&comparison))?,
        ComparisonFormat::Json => print_json(&comparison)?,
        ComparisonFormat::Junit => print(&junit(&comparison)?)?,
        ComparisonFormat::Github => print(&comparison::github(&comparison))?,
    }
    Ok(if fails(&comparison, &arguments.fail_on) { Ending::Changed } else { Ending::Done })
}

/// What counts as a change, as it was asked for.
pub(crate) fn terms(asked: &Terms) -> comparison::Terms {
    comparison::Terms { least_effect: asked.min_effect, across_machines: asked.across_machines }
}

/// Compares with what a measurement was asked to be compared with.
pub(crate) fn compare(
    base: &Analysis,
    new: &Analysis,
    asked: &Terms,
) -> Result<Comparison, CommandError> {
    comparison::compare(base, new, &terms(asked))
        .map_err(|error| CommandError::Run(error.to_string()))
}

/// Refuses to measure a run that could not be compared with `base`.
pub(crate) fn check_comparable(
    base: &Analysis,
    run: &Run,
    asked: &Terms,
) -> Result<(), CommandError> {
    let folder = tempfile::tempdir().map_err(|error| CommandError::Storage(error.to_string()))?;
    RunDirectory::create(folder.path())?.save(run)?;
    compare(base, &wasmfit_reports::analyze(folder.path())?, asked).map(|_| ())
}

/// Writes `comparison.json` and `comparison.md` into a run directory.
pub(crate) fn keep(comparison: &Comparison, folder: &Path) -> Result<(), CommandError> {
    let json = serde_json::to_string_pretty(comparison)
        .map_err(|error| CommandError::Storage(format!("JSON: {error}")))?;
    let files =
        [("comparison.json", json + "\n"), ("comparison.md", comparison::markdown(comparison))];
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text)
            .map_err(|error| CommandError::Storage(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

/// Whether a comparison found what a pipeline is to fail on.
pub(crate) fn fails(comparison: &Comparison, on: &[FailOn]) -> bool {
    on.iter().any(|it| match it {
        FailOn::Regression => comparison.has_regressions(),
        FailOn::Verdict => comparison.has_worse_verdicts(),
        FailOn::Output => comparison.has_other_outputs(),
        FailOn::Inconclusive => comparison.has_open_latencies(),
        FailOn::Never => false,
    })
}

fn junit(comparison: &Comparison) -> Result<String, CommandError> {
    comparison::junit(comparison)
        .map_err(|error| CommandError::Run(format!("cannot write JUnit's XML: {error}")))
}
