//! `wasmfit list`: what can be measured.

use std::fmt;

use serde::Serialize;
use wasmfit_protocol::{Boundary, Failure};
use wasmfit_record::Target;

use crate::cli::{List, What};
use crate::commands::{print, print_json};
use crate::exit::{CommandError, Ending};
use crate::guests::Guest;
use crate::inventory::{Inventory, OptIn};
use crate::places::Places;
use crate::runners;
use crate::scenarios::{self, Told};
use crate::targets::Setup;
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
                    manifest.dominant().into(),
                    manifest.title.clone(),
                    manifest.accuracy(),
                ]
            })?;
        }
        What::Scenarios => {
            show(arguments.json, &scenarios::built_in()?, |scenario| {
                vec![scenario.name.clone(), scenario.title.clone(), Told(scenario).to_string()]
            })?;
        }
        What::Guests => {
            let guests = Guest::read_all(&places);
            if guests.is_empty() {
                return Err(CommandError::Setup(format!(
                    "no guests in {}: run scripts/setup, or set WASMFIT_GUESTS",
                    places.guests.display()
                )));
            }
            show(arguments.json, &guests, |guest| {
                let manifest = &guest.manifest;
                vec![manifest.name.clone(), manifest.boundary.name().into(), manifest.title.clone()]
            })?;
        }
        What::Targets => {
            let workloads = Workload::read_all(&places.workloads)?;
            let runners = runners::all(&places, &arguments.runners.find()?);
            let inventory = Inventory::take(&places, &runners);
            let listed: Vec<Listed> = inventory
                .targets()
                .into_iter()
                .map(|(target, opt_in)| {
                    let setup = inventory.set_up(&target);
                    Listed::new(&target, opt_in, setup, &workloads)
                })
                .collect();
            show(arguments.json, &listed, |listed| {
                let told = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
                vec![
                    listed.target.clone(),
                    told(&listed.runtime_version),
                    listed.boundary.map_or("-", Boundary::name).into(),
                    format!("{} of {} workloads", listed.workloads.len(), workloads.len()),
                    listed.state.to_string(),
                ]
            })?;
        }
    }
    Ok(Ending::Done)
}

/// A row of the support matrix.
#[derive(Serialize)]
struct Listed {
    target: String,
    runtime_version: Option<String>,
    boundary: Option<Boundary>,
    /// The workloads that it can run.
    workloads: Vec<String>,
    #[serde(flatten)]
    state: State,
}

/// Whether a target can run.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
enum State {
    Ready,
    /// Ready, and measured only when it is asked for.
    OptIn {
        reason: String,
    },
    /// The tier does not take the guest.
    Unsupported {
        reason: String,
    },
    /// Something is missing or broken.
    Broken {
        reason: String,
    },
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => formatter.write_str("ready"),
            Self::OptIn { reason } => formatter.write_str(reason),
            Self::Unsupported { reason } => write!(formatter, "unsupported: {reason}"),
            Self::Broken { reason } => write!(formatter, "broken: {reason}"),
        }
    }
}

impl Listed {
    fn new(
        target: &Target,
        opt_in: Option<OptIn>,
        setup: Result<Setup, Failure>,
        workloads: &[Workload],
    ) -> Self {
        let target = target.to_string();
        let setup = match setup {
            Ok(setup) => setup,
            Err(failure) => {
                let state = State::Broken { reason: failure.message };
                return Self {
                    target,
                    runtime_version: None,
                    boundary: None,
                    workloads: vec![],
                    state,
                };
            }
        };
        let runs = workloads.iter().filter(|workload| setup.unsupported(workload).is_none());
        let state = match (setup.lacks(), opt_in) {
            (Some(reason), _) => State::Unsupported { reason },
            (None, Some(opt_in)) => State::OptIn { reason: opt_in.to_string() },
            (None, None) => State::Ready,
        };
        Self {
            target,
            boundary: setup.guest.as_ref().map(|guest| guest.manifest.boundary),
            workloads: runs.map(|workload| workload.name.clone()).collect(),
            runtime_version: Some(setup.hello.runtime_version),
            state,
        }
    }
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
