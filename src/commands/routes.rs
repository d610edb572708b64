//! `wasmfit routes`: the ways beside porting the whole interpreter.

use wasmfit_record::Target;

use crate::cli::{Bench, Routes};
use crate::commands::bench;
use crate::exit::{CommandError, Ending};
use crate::inventory::Inventory;
use crate::places::Places;
use crate::progress::Progress;
use crate::rewrites::{self, Rewrite};
use crate::setting::Setting;
use crate::workloads::Workload;

/// The tier that a runtime is measured by: the one that optimises.
const TIERS: [(&str, &str); 5] = [
    ("wasmtime", "cranelift"),
    ("wasmer", "cranelift"),
    ("wasmedge", "aot"),
    ("node", "v8"),
    ("chromium", "worker"),
];

/// The small interpreter that is measured beside CPython.
const SMALL: &str = "micropython-1.27";

/// Runtimes of browsers and their like: Python's own guests are for others.
const FOR_KERNELS: [&str; 2] = ["node", "chromium"];

/// Compiles what is to be compared, and measures it.
pub(crate) fn run(arguments: &Routes) -> Result<Ending, CommandError> {
    let places = Places::find()?.with_python(arguments.python.as_deref());
    let workloads = workloads_of(arguments, &places)?;
    // Before anything is compiled.
    let setting = Setting::new(places.clone(), &arguments.runners.find()?);
    check_runtimes(&arguments.runtimes, &setting.inventory()?)?;
    compile(&places, &workloads);
    bench::run(&bench_of(arguments)?)
}

/// Compiles what workloads were rewritten in, and says what could not be.
pub(crate) fn compile(places: &Places, workloads: &[Workload]) {
    let progress = Progress::new(0, 0);
    for workload in workloads {
        for rewrite in Rewrite::ALL.into_iter().filter(|it| it.is_of(workload)) {
            progress.step(&format!("compiling {} as {}", workload.name, rewrite.suffix()));
            if let Err(reason) = rewrites::make(places, workload, rewrite) {
                progress.remark(&format!(
                    "left out: {} as {}: {reason}",
                    workload.name,
                    rewrite.suffix()
                ));
            }
        }
    }
    progress.finish();
}

/// The workloads named, or all that were rewritten.
fn workloads_of(arguments: &Routes, places: &Places) -> Result<Vec<Workload>, CommandError> {
    let mut workloads = Workload::find_all(&arguments.workloads, &places.workloads)?;
    if arguments.workloads.is_empty() {
        workloads.retain(|workload| workload.folder.join(rewrites::FOLDER).is_dir());
    }
    Ok(workloads)
}

/// The same as a measurement, once all is compiled.
pub(crate) fn bench_of(arguments: &Routes) -> Result<Bench, CommandError> {
    let places = Places::find()?.with_python(arguments.python.as_deref());
    let workloads = workloads_of(arguments, &places)?;
    let setting = Setting::new(places, &arguments.runners.find()?);
    let inventory = setting.inventory()?;
    let runtimes = match &arguments.runtimes[..] {
        [] => usual_runtimes(&setting.places),
        named => named.to_vec(),
    };
    check_runtimes(&runtimes, &inventory)?;
    Ok(Bench {
        workloads: workloads.iter().map(|it| it.folder.to_string_lossy().into_owned()).collect(),
        targets: targets_of(&runtimes, &inventory, &workloads),
        python: arguments.python.clone(),
        profile: arguments.profile,
        out: arguments.out.clone(),
        memory: arguments.memory,
        timeout: arguments.timeout,
        runners: arguments.runners.clone(),
        json: arguments.json,
        ..Bench::default()
    })
}

fn check_runtimes(runtimes: &[String], inventory: &Inventory<'_>) -> Result<(), CommandError> {
    runtimes.iter().try_for_each(|runtime| inventory.knows(runtime))
}

/// Those that are measured without being named.
fn usual_runtimes(places: &Places) -> Vec<String> {
    let browser = places.browser.program.is_file().then_some("chromium");
    let node = places.node.is_file().then_some("node");
    let usual = ["wasmtime", "wasmer", "wasmedge"].into_iter();
    usual.chain(node).chain(browser).map(str::to_owned).collect()
}

/// The same beside all that is measured of any workload.
pub(crate) fn targets_beside_usual(
    setting: &Setting,
    workload: Workload,
) -> Result<Vec<Target>, CommandError> {
    let inventory = setting.inventory()?;
    let usual = inventory.targets().into_iter().filter(|(_, opt_in)| opt_in.is_none());
    let mut targets: Vec<Target> = usual.map(|it| it.0).collect();
    let of_routes = targets_of(&usual_runtimes(&setting.places), &inventory, &[workload]);
    targets.extend(of_routes.into_iter().filter(|it| !targets.contains(it)).collect::<Vec<_>>());
    Ok(targets)
}

/// Native, Python in WebAssembly, and what the workloads were rewritten as.
fn targets_of(
    runtimes: &[String],
    inventory: &Inventory<'_>,
    workloads: &[Workload],
) -> Vec<Target> {
    let is_wanted = |target: &Target, is_usual: bool| {
        if target.is_native() {
            return true;
        }
        if let Some(rewrite) = Rewrite::of(target) {
            return workloads.iter().any(|it| rewrite.is_of(it));
        }
        let is_measured = runtimes.contains(&target.runtime)
            && TIERS.contains(&(&*target.runtime, &*target.tier));
        let is_kernel = Rewrite::ALL.into_iter().any(|rewrite| {
            rewrite.executor().is_none()
                && workloads.iter().any(|it| rewrite.guest_name(it) == target.guest)
        });
        let is_python = is_usual || target.guest == SMALL;
        is_measured && (is_kernel || is_python && !FOR_KERNELS.contains(&&*target.runtime))
    };
    let all = inventory.targets().into_iter();
    all.filter(|(target, opt_in)| is_wanted(target, opt_in.is_none())).map(|it| it.0).collect()
}
