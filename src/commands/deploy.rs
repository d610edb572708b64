//! `wasmfit deploy`: the deployment ladder of a workload.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wasmfit_protocol::Limits;
use wasmfit_record::{Rung, Target};

use crate::cli::{Bench, Deploy, OwnGuest, Purpose};
use crate::commands::{bench, require_no_run};
use crate::drive::Interrupt;
use crate::exit::{CommandError, Ending};
use crate::making::{Ladder, MAKER, Workshop, guest_name, set_up};
use crate::places::Places;
use crate::progress::Progress;
use crate::setting::Setting;
use crate::workloads::Workload;

/// Makes the guests, and measures them.
pub(crate) fn run(arguments: &Deploy) -> Result<Ending, CommandError> {
    let places = Places::find()?.with_python(arguments.python.as_deref());
    let workload = Workload::find(&arguments.workload, &places.workloads)?;
    let base = base_name(arguments)?;
    let out = arguments.out.clone().unwrap_or_else(|| {
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        Path::new("runs").join(format!("deploy-{}", now.replace(':', "-")))
    });
    require_no_run(&out, "")?;
    let setting = Setting::new(places, &[]);
    let inventory = setting.inventory()?;
    let (setup, guest) = set_up(&inventory, &base)?;
    if let Some(reason) = setup.unsupported(&workload) {
        return Err(CommandError::Usage(format!("{} cannot be deployed: {reason}", workload.name)));
    }
    let interrupt = Interrupt::default();
    interrupt.on_signals()?;
    let progress = Progress::new(0, 0);
    let folder = guests_folder(&out);
    let wall_ns = u64::try_from(arguments.timeout.as_nanos()).unwrap_or(u64::MAX);
    let workshop = Workshop {
        setting: &setting,
        setup: &setup,
        base: &guest,
        limits: Limits { memory_bytes: arguments.memory << 20, wall_ns, output_bytes: 1 << 20 },
        folder: std::path::absolute(folder.join("work")).unwrap_or_else(|_| folder.join("work")),
        interrupt: &interrupt,
    };
    let ladder = Ladder::new(&workshop, &workload, &folder, &progress)?;
    for rung in rungs(arguments) {
        ladder.make(rung)?;
        if interrupt.is_requested() {
            workshop.clear_up();
            return Ok(Ending::Interrupted);
        }
    }
    workshop.clear_up();
    progress.finish();
    bench::measure(&bench_of(arguments, &out)?, &interrupt)
}

/// The guest that all targets name.
fn base_name(arguments: &Deploy) -> Result<String, CommandError> {
    let mut names: Vec<&str> = arguments.targets.iter().map(|it| &*it.guest).collect();
    names.dedup();
    match names[..] {
        [] => Ok("cpython-3.15".into()),
        [name] if arguments.targets.iter().all(|it| !it.is_native()) => Ok(name.into()),
        [_] => Err(CommandError::Usage(
            "native CPython has no guest to prepare; it is measured in any case: name targets RUNTIME/TIER@GUEST".into(),
        )),
        _ => Err(CommandError::Usage(format!(
            "a ladder is of one guest, and the targets name {}: deploy one after the other",
            names.join(", ")
        ))),
    }
}

fn rungs(arguments: &Deploy) -> Vec<Rung> {
    let named: Vec<Rung> = arguments.rungs.iter().map(|it| it.0).collect();
    let is_chosen = |rung: &Rung| named.is_empty() || named.contains(rung);
    Rung::ALL.into_iter().filter(is_chosen).collect()
}

fn guests_folder(out: &Path) -> PathBuf {
    out.join("guests")
}

/// The measurement of the guests in the run's folder.
pub(crate) fn bench_of(arguments: &Deploy, out: &Path) -> Result<Bench, CommandError> {
    let base = base_name(arguments)?;
    let default = || vec![format!("{MAKER}@{base}").parse()];
    let named = || arguments.targets.iter().cloned().map(Ok).collect();
    let targets: Vec<Target> = if arguments.targets.is_empty() { default() } else { named() }
        .into_iter()
        .collect::<Result<_, wasmfit_record::TargetError>>()
        .map_err(|error| CommandError::Usage(error.to_string()))?;
    let (mut of_rungs, mut guests) = (Vec::new(), Vec::new());
    for rung in rungs(arguments) {
        let name = guest_name(&base, rung);
        let folder = guests_folder(out).join(&name);
        guests.push(OwnGuest { name: name.clone(), folder });
        let prepared = targets.iter().map(|it| Target { guest: name.clone(), ..it.clone() });
        of_rungs.extend(prepared);
    }
    Ok(Bench {
        workloads: vec![arguments.workload.clone()],
        targets: of_rungs,
        purpose: Purpose::Deployment,
        python: arguments.python.clone(),
        profile: arguments.profile,
        out: Some(out.to_owned()),
        memory: arguments.memory,
        timeout: arguments.timeout,
        guests,
        json: arguments.json,
        ..Bench::default()
    })
}
