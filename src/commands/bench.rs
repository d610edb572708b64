//! `wasmfit bench`: measure, check, report, compare.

use std::path::{Path, PathBuf};

use clap::Parser;
use wasmfit_protocol::Limits;
use wasmfit_record::{Run, RunDirectory, Session, Side, UntilDecided};
use wasmfit_reports::Analysis;

use crate::calibrations;
use crate::classes::Rules;
use crate::cli::{Bench, Cli, Command, Purpose, TimeBudget};
use crate::commands::{
    assess, boundary, compare, deploy, print, print_json, require_no_run, routes, sandbox,
};
use crate::container::Container;
use crate::crossings;
use crate::drive::Interrupt;
use crate::exit::{CommandError, Ending};
use crate::inventory::Inventory;
use crate::matrix::Matrix;
use crate::measure::{Measurement, Tools};
use crate::plan::{self, Effort};
use crate::progress::Progress;
use crate::scenarios;
use crate::session::{self, Against, Looks, twin_plan};
use crate::setting::Setting;
use crate::versions::Version;

/// Measures a matrix, or goes on with one.
pub(crate) fn run(arguments: &Bench) -> Result<Ending, CommandError> {
    let interrupt = Interrupt::default();
    interrupt.on_signals()?;
    measure(arguments, &interrupt)
}

/// The same, for whoever listens for the end already.
pub(crate) fn measure(arguments: &Bench, interrupt: &Interrupt) -> Result<Ending, CommandError> {
    let resumed = arguments.resume.as_deref().map(RunDirectory::read).transpose()?;
    let folder = arguments.resume.as_deref().unwrap_or(Path::new(""));
    let original = resumed.as_ref().map(|run| original_arguments(run, folder)).transpose()?;
    let original = original.as_ref().unwrap_or(arguments);
    // What cannot be compared with should say so before hours of measuring.
    let saved = original.versus.baseline.as_deref().map(wasmfit_reports::comparison::load);
    let saved = saved.transpose()?;
    if original.versus.until_decided.is_some() && !original.versus.is_asked_for() {
        return Err(CommandError::Usage(
            "--until-decided needs something to decide: name a --baseline, what the other version differs in (--base-...), or --against-itself".into(),
        ));
    }

    let rules = Rules::read(&original.rules)?;
    let versions = Version::all(original)?;
    let inventories: Vec<Inventory<'_>> =
        versions.iter().map(|it| it.setting.inventory()).collect::<Result<_, _>>()?;
    let mut matrices: Vec<Matrix> = versions
        .iter()
        .zip(&inventories)
        .map(|(version, inventory)| version.matrix(original, inventory))
        .collect::<Result<_, _>>()?;
    if let Some((new, base)) = matrices.split_first_mut() {
        original.shard.map_or(Ok(()), |shard| new.keep_shard(shard))?;
        for base in base {
            base.keep_cases_of(new);
        }
    }
    if original.purpose == Purpose::Deployment {
        for (matrix, version) in matrices.iter_mut().zip(&versions) {
            matrix.add_container(Container::find(&version.setting.places));
        }
    }
    let runs = match (&arguments.resume, resumed) {
        (Some(folder), Some(run)) => resume(folder, run, &versions, &matrices, &rules)?,
        _ => begin(original, &versions, &matrices, &rules, saved.as_ref())?,
    };
    let folder = runs[0].1.folder().to_owned();
    let planned = runs[0].0.plan.launches.len();
    let looks = looks(&runs[0].0, original, saved.as_ref());
    let progress = Progress::new(planned, runs[0].0.launches.len());
    let mut sides: Vec<Measurement<'_>> = runs
        .into_iter()
        .zip(versions.iter().zip(&matrices))
        .map(|(run, (version, matrix))| {
            let tools = Tools { setting: &version.setting, rules: &rules, interrupt };
            Measurement::new(run, matrix, tools, &progress)
        })
        .collect();
    let measured = session::make(&mut sides, looks.as_ref());
    progress.finish();
    let failures = sides[0].has_failures();
    drop(sides);
    measured?;
    let analyses = versions.iter().map(|version| report(&version.folder(&folder)));
    let analyses: Vec<Analysis> = analyses.collect::<Result<_, _>>()?;
    if original.purpose == Purpose::Boundary {
        boundary::conclude(&folder, &analyses[0], &versions[0].setting.places)?;
    }
    let base = analyses.get(1).or(saved.as_ref());
    let compared = base.map(|base| compare::compare(base, &analyses[0], &original.versus.terms));
    let compared = compared.transpose()?;
    if original.json {
        match &compared {
            Some(comparison) => print_json(comparison)?,
            None => print_json(&analyses[0])?,
        }
    } else {
        let html = folder.join("report.html");
        let summary = wasmfit_reports::summary(&analyses[0]);
        print(&format!("{summary}\nreport: {}\n", html.display()))?;
        if let Some(comparison) = &compared {
            print(&format!("\n{}", wasmfit_reports::comparison::text(comparison)))?;
        }
    }
    if let Some(comparison) = &compared {
        compare::keep(comparison, &folder)?;
    }
    if interrupt.is_requested() {
        eprintln!(
            "wasmfit: interrupted; what was measured is kept: go on with wasmfit bench --resume {}",
            folder.display()
        );
        return Ok(Ending::Interrupted);
    }
    let found = compared.is_some_and(|it| compare::fails(&it, &original.versus.fail_on));
    Ok(match (found, failures) {
        (true, _) => Ending::Changed,
        (false, true) => Ending::WithFailures,
        (false, false) => Ending::Done,
    })
}

type OpenRun = (Run, RunDirectory);

/// New runs of every version, the one in question first.
fn begin(
    arguments: &Bench,
    versions: &[Version],
    matrices: &[Matrix],
    rules: &Rules,
    saved: Option<&Analysis>,
) -> Result<Vec<OpenRun>, CommandError> {
    let scenarios = if arguments.purpose == Purpose::Boundary {
        // A crossing is no workload to be judged.
        Vec::new()
    } else {
        scenarios::find(&arguments.scenarios, &arguments.budgets)?
    };
    let mut effort = if arguments.purpose == Purpose::Boundary {
        Effort::boundary(arguments.profile)
    } else {
        Effort::of(arguments.profile, arguments.sample_rate)
    };
    let until_decided = until_decided(arguments, &matrices[0]);
    if let Some(rule) = &until_decided {
        effort = effort.until_decided(rule);
    }
    let mut runs: Vec<OpenRun> = Vec::new();
    for (version, matrix) in versions.iter().zip(matrices) {
        let Setting { places, .. } = &version.setting;
        let seed = runs.first().map_or(arguments.seed, |(new, _)| Some(new.plan.seed));
        let mut run = matrix.new_run(effort, limits(arguments), seed, rules);
        run.scenarios.clone_from(&scenarios);
        run.plan.until_decided.clone_from(&until_decided);
        run.shard = arguments.shard;
        if version.side == Side::New {
            run.plan.sampling.inject = arguments.inject.map(|it| it.0);
        }
        if let Some((new, _)) = runs.first() {
            run.plan.launches = twin_plan(new, &run);
        }
        if versions.len() > 1 {
            let began = runs.first().map_or(&run, |(new, _)| new);
            let id = format!("{} {} {}", began.started_at, began.plan.seed, std::process::id());
            run.session = Some(Session { id, side: version.side });
        }
        matrix.weigh_guests(&mut run, &places.gzip_sizes);
        run.calibrations = matrix.fitting(calibrations::read(&places.calibrations), rules);
        run.crossings = matrix.crossings(crossings::read(&places.crossings));
        if let Some(base) = saved {
            compare::check_comparable(base, &run, &arguments.versus.terms)?;
        }
        let folder = match runs.first() {
            None => out_folder(arguments, &run)?,
            Some((_, directory)) => version.folder(directory.folder()),
        };
        let directory = RunDirectory::create(&folder)?;
        directory.save(&run)?;
        runs.push((run, directory));
    }
    Ok(runs)
}

/// The runs of every version as they were left; `new` is that of the version
/// in question.
fn resume(
    folder: &Path,
    new: Run,
    versions: &[Version],
    matrices: &[Matrix],
    rules: &Rules,
) -> Result<Vec<OpenRun>, CommandError> {
    let mut new = Some(new);
    let mut runs = Vec::new();
    for (version, matrix) in versions.iter().zip(matrices) {
        let folder = version.folder(folder);
        let run = match new.take() {
            Some(run) => run,
            None => RunDirectory::read(&folder)?,
        };
        matrix.check_same(&run, rules)?;
        let directory = RunDirectory::resume(&folder, &run)?;
        runs.push((run, directory));
    }
    Ok(runs)
}

/// The rule by which the comparison ends. Versions that are measured in turn
/// always have one: a fixed number of launches decides too little or takes too
/// long.
fn until_decided(arguments: &Bench, matrix: &Matrix) -> Option<UntilDecided> {
    let versus = &arguments.versus;
    let automatic = versus.is_interleaved().then_some(TimeBudget::Auto);
    let budget = versus.until_decided.or(automatic)?;
    let budget = match budget {
        TimeBudget::Given(budget) => budget,
        TimeBudget::Auto => plan::time_to_decide(arguments.profile) * matrix.open_cells(),
    };
    Some(UntilDecided {
        budget_ns: u64::try_from(budget.as_nanos()).unwrap_or(u64::MAX),
        looks: plan::LOOKS.to_vec(),
        least_effect: versus.terms.min_effect,
    })
}

fn looks(run: &Run, arguments: &Bench, saved: Option<&Analysis>) -> Option<Looks> {
    let rule = run.plan.until_decided.clone()?;
    let against = saved.map_or(Against::OtherSide, |it| Against::Saved(Box::new(it.clone())));
    Some(Looks::new(rule, compare::terms(&arguments.versus.terms), against))
}

/// Writes the report of a run.
pub(crate) fn report(folder: &Path) -> Result<Analysis, CommandError> {
    let analysis = wasmfit_reports::analyze(folder)?;
    wasmfit_reports::render(folder, &analysis)?;
    Ok(analysis)
}

fn limits(arguments: &Bench) -> Limits {
    Limits {
        memory_bytes: arguments.memory << 20,
        wall_ns: u64::try_from(arguments.timeout.as_nanos()).unwrap_or(u64::MAX),
        output_bytes: arguments.output << 10,
    }
}

/// The arguments that a run was begun with: where its workloads and runners
/// are.
fn original_arguments(run: &Run, folder: &Path) -> Result<Bench, CommandError> {
    match Cli::try_parse_from(&run.command).map(|cli| cli.command) {
        Ok(Command::Bench(arguments)) => Ok(arguments),
        Ok(Command::Assess(arguments)) => assess::bench_of(&arguments, folder),
        Ok(Command::Deploy(arguments)) => deploy::bench_of(&arguments, folder),
        Ok(Command::Sandbox(arguments)) => Ok(sandbox::bench_of(&arguments)),
        Ok(Command::Routes(arguments)) => routes::bench_of(&arguments),
        Ok(Command::Boundary(arguments)) => Ok(boundary::bench_of(&arguments, folder)),
        _ => Err(CommandError::Run(format!(
            "the run was begun by {:?}, which this wasmfit does not understand: start a new run",
            run.command.join(" ")
        ))),
    }
}

fn out_folder(arguments: &Bench, run: &Run) -> Result<PathBuf, CommandError> {
    let folder = match &arguments.out {
        Some(folder) => folder.clone(),
        None => Path::new("runs").join(run.started_at.replace(':', "-")),
    };
    require_no_run(&folder, ", or go on with it by --resume")?;
    Ok(folder)
}
