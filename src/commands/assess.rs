//! `wasmfit assess`: a path of the user's own, measured and judged.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::cli::{Assess, Bench};
use crate::commands::{bench, routes};
use crate::exit::{CommandError, Ending};
use crate::places::Places;
use crate::scenarios;
use crate::script::{self, Script};
use crate::setting::Setting;
use crate::workloads::Workload;

/// Measures a workload folder, or makes one of a script first.
pub(crate) fn run(arguments: &Assess) -> Result<Ending, CommandError> {
    // Before anything is written.
    scenarios::find(&arguments.scenarios, &arguments.budgets)?;
    let places = Places::find()?.with_python(arguments.python.as_deref());
    let out = arguments.out.clone().unwrap_or_else(|| {
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        Path::new("runs").join(now.replace(':', "-"))
    });
    let folder = workload_of(arguments, &out)?;
    if folder != arguments.path {
        if folder.exists() {
            let out = out.display();
            return Err(CommandError::Usage(format!("{out} is there already: give another --out")));
        }
        let script = Script {
            path: &arguments.path,
            requests: &arguments.requests,
            extras: &arguments.with,
            format: arguments.output.name(),
            tolerance: arguments.tolerance,
        };
        script::wrap(&script, &folder, &places.python)?;
    }
    if arguments.routes {
        let workload = Workload::read(&folder)?;
        routes::compile(&places, &[workload]);
    }
    bench::run(&bench_of(arguments, &out)?)
}

/// Where the workload is, or will be.
fn workload_of(arguments: &Assess, out: &Path) -> Result<PathBuf, CommandError> {
    let path = &arguments.path;
    if path.join("workload.toml").is_file() {
        return Ok(path.clone());
    }
    let stem = path.file_stem().map(|it| it.to_string_lossy().into_owned());
    match stem.filter(|_| path.extension().is_some_and(|it| it == "py") && path.is_file()) {
        Some(stem) => Ok(out.join("workload").join(stem)),
        None => Err(CommandError::Usage(format!(
            "{}: neither a folder with a workload.toml nor a Python file: `wasmfit new` begins one",
            path.display()
        ))),
    }
}

/// The same as a measurement. `out` is the folder of the run.
pub(crate) fn bench_of(arguments: &Assess, out: &Path) -> Result<Bench, CommandError> {
    let folder = workload_of(arguments, out)?;
    // A bare name would be looked for in the suite.
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let targets = if arguments.routes {
        let places = Places::find()?.with_python(arguments.python.as_deref());
        routes::targets_beside_usual(&Setting::new(places, &[]), Workload::read(&folder)?)?
    } else {
        arguments.targets.clone()
    };
    Ok(Bench {
        workloads: vec![folder.to_string_lossy().into_owned()],
        targets,
        python: arguments.python.clone(),
        profile: arguments.profile,
        out: Some(out.to_owned()),
        memory: arguments.memory,
        timeout: arguments.timeout,
        scenarios: arguments.scenarios.clone(),
        budgets: arguments.budgets.clone(),
        json: arguments.json,
        ..Bench::default()
    })
}
