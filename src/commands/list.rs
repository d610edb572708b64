//! `wasmfit list`: what can be measured.

use serde::Serialize;
use wasmfit_record::Target;

use crate::cli::{List, What};
use crate::commands::{print, print_json};
use crate::exit::{CommandError, Ending};
use crate::guests::Guest;
use crate::places::Places;
use crate::runners;
use crate::targets::{self, Setup};
use crate::workloads::Workload;

/// Lists workloads, targets or guests.
pub(crate) fn run(arguments: &List) -> Result<Ending, CommandError> {
    let places = Places::find()?;
    match arguments.what {
        What::Workloads => {
            let workloads = Workload::read_all(&places.workloads)?;
            show(arguments.json, &workloads, |workload| {
                let manifest = &workload.manifest;
                vec![
                    workload.name.clone(),
                    manifest.dominant.name().into(),
                    manifest.accuracy.to_string(),
                    manifest.title.clone(),
                ]
            })?;
        }
        What::Guests => {
            let guests = Guest::read_all(&places.guests);
            if guests.is_empty() {
                return Err(CommandError::Setup(format!(
                    "no guests in {}: run scripts/setup, or set WASMFIT_GUESTS",
                    places.guests.display()
                )));
            }
            show(arguments.json, &guests, |guest| {
                let manifest = &guest.manifest;
                vec![manifest.name.clone(), manifest.boundary.clone(), manifest.title.clone()]
            })?;
        }
        What::Targets => {
            let runners = runners::all(&places, &[]);
            let native = runners::find(&runners, Target::NATIVE)?;
            let native = targets::native(runners::describe(native).ok().as_ref());
            let targets: Vec<Listed> = targets::defaults(&places, &runners, native)
                .into_iter()
                .map(|target| match Setup::find(&target, &places, &runners) {
                    Ok(setup) => Listed {
                        target: target.to_string(),
                        runtime_version: Some(setup.hello.runtime_version),
                        problem: None,
                    },
                    Err(failure) => Listed {
                        target: target.to_string(),
                        runtime_version: None,
                        problem: Some(failure.message),
                    },
                })
                .collect();
            show(arguments.json, &targets, |listed| {
                let version = listed.runtime_version.clone().unwrap_or_else(|| "-".into());
                let state = listed.problem.clone().unwrap_or_else(|| "ready".into());
                vec![listed.target.clone(), version, state]
            })?;
        }
    }
    Ok(Ending::Done)
}

/// A target and whether it can run.
#[derive(Serialize)]
struct Listed {
    target: String,
    runtime_version: Option<String>,
    problem: Option<String>,
}

/// Prints rows as JSON, or as columns of text.
fn show<T: Serialize>(
    json: bool,
    rows: &[T],
    columns: impl Fn(&T) -> Vec<String>,
) -> Result<(), CommandError> {
    if json {
        return print_json(&rows);
    }
    let rows: Vec<Vec<String>> = rows.iter().map(columns).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column).unwrap_or(0);
            format!("{cell:width$}")
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    print(&text)
}
