//! Shards of a matrix, measured on machines of their own, as one run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use wasmfit_protocol::Sample;

use crate::{
    Cell, Launch, MemoryCopies, PlannedLaunch, ProfileRecord, RecordError, Run, RunDirectory,
    SCHEMA_VERSION, Session, Shard, ShardRun, Status, read_profile_records, read_samples,
};

/// Shards that do not make a run.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A folder cannot be read, or the merged one not be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A run that is no shard.
    #[error("{folder} is no shard of a matrix: measure one by `wasmfit bench --shard I/N`")]
    NoShard {
        /// Its folder.
        folder: PathBuf,
    },
    /// A shard that is there twice.
    #[error("{first} and {second} are both shard {index} of {of}: merge one of them")]
    Twice {
        /// The one folder.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// Which shard.
        index: u32,
        /// Of how many.
        of: u32,
    },
    /// Shards that are missing.
    #[error(
        "of {of} shards {missing} missing: measure {it} by `wasmfit bench --shard {first}/{of}` with the options of the others, or merge what there is with --partial"
    )]
    Missing {
        /// `3 is` or `3 and 5 are`.
        missing: String,
        /// `it` or `them`.
        it: &'static str,
        /// The first of them.
        first: u32,
        /// How many there should be.
        of: u32,
    },
    /// A shard that was not finished.
    #[error(
        "{folder} is unfinished: go on with it by `wasmfit bench --resume {folder}`, or merge what there is with --partial"
    )]
    Unfinished {
        /// Its folder.
        folder: PathBuf,
    },
    /// Shards that measured the same.
    #[error("{first} and {second} both have {cell}: merge shards of one matrix")]
    Overlap {
        /// The one folder.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// What both have.
        cell: String,
    },
    /// Shards of different matrices.
    #[error("{first} and {second} differ in {what}: merge shards of one matrix")]
    Different {
        /// The one folder.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// In what.
        what: String,
    },
}

/// Merges the shards in `folders` into a new run directory `out`; with
/// `partial`, whatever there is of them.
pub fn merge(
    folders: &[PathBuf],
    out: &Path,
    command: Vec<String>,
    partial: bool,
) -> Result<Run, MergeError> {
    let mut shards = read(folders)?;
    shards.sort_by_key(|it| it.shard.index);
    check(&shards, partial)?;
    let mut run = head(&shards, command);
    let mut directory = RunDirectory::create(out)?;
    for (position, shard) in shards.iter().enumerate() {
        add(&mut run, &mut directory, shard, position)?;
    }
    let finished = shards.iter().all(|it| it.run.status == Status::Finished);
    let whole = shards.len() == shards.first().map_or(0, |it| it.shard.of as usize);
    run.status = if finished && whole { Status::Finished } else { Status::Unfinished };
    directory.save(&run)?;
    Ok(run)
}

/// A shard as it was found.
struct Found {
    folder: PathBuf,
    run: Run,
    shard: Shard,
}

fn read(folders: &[PathBuf]) -> Result<Vec<Found>, MergeError> {
    let one = |folder: &PathBuf| {
        let run = RunDirectory::read(folder)?;
        let folder = folder.clone();
        match run.shard {
            Some(shard) => Ok(Found { folder, run, shard }),
            None => Err(MergeError::NoShard { folder }),
        }
    };
    folders.iter().map(one).collect()
}

/// Whether the shards, in their order, make a run.
fn check(shards: &[Found], partial: bool) -> Result<(), MergeError> {
    for pair in shards.windows(2) {
        let [first, second] = pair else { continue };
        let folders = || (first.folder.clone(), second.folder.clone());
        if first.shard == second.shard {
            let Shard { index, of } = first.shard;
            let (first, second) = folders();
            return Err(MergeError::Twice { first, second, index, of });
        }
        if let Some(what) = difference(&first.run, &second.run, first.shard, second.shard) {
            let (first, second) = folders();
            return Err(MergeError::Different { first, second, what });
        }
    }
    for (at, second) in shards.iter().enumerate() {
        let both = |first: &&Found| overlap(&first.run, &second.run);
        if let Some(first) = shards[..at].iter().find(|it| both(it).is_some()) {
            let cell = overlap(&first.run, &second.run).unwrap_or_default();
            let (first, second) = (first.folder.clone(), second.folder.clone());
            return Err(MergeError::Overlap { first, second, cell });
        }
    }
    if partial {
        return Ok(());
    }
    if let Some(shard) = shards.iter().find(|it| it.run.status == Status::Unfinished) {
        return Err(MergeError::Unfinished { folder: shard.folder.clone() });
    }
    let of = shards.first().map_or(0, |it| it.shard.of);
    let missing: Vec<u32> =
        (1..=of).filter(|index| !shards.iter().any(|it| it.shard.index == *index)).collect();
    match missing[..] {
        [] => Ok(()),
        [first] => Err(MergeError::Missing { missing: format!("{first} is"), it: "it", first, of }),
        [first, ..] => {
            let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
            let missing = format!("{} are", missing.join(", "));
            Err(MergeError::Missing { missing, it: "them", first, of })
        }
    }
}

/// In what two runs differ that shards of one matrix must not.
fn difference(first: &Run, second: &Run, one: Shard, other: Shard) -> Option<String> {
    let plan = |run: &Run| {
        let plan = &run.plan;
        (plan.profile, plan.rounds, plan.sampling, plan.limits, plan.until_decided.clone())
    };
    let side = |run: &Run| run.session.as_ref().map(|it| it.side);
    let all = [
        ("how many shards there are", one.of != other.of),
        ("wasmfit's version", first.wasmfit_version != second.wasmfit_version),
        ("how thoroughly they measured", plan(first) != plan(second)),
        ("the rules of cost classes", first.rules != second.rules),
        ("their scenarios", first.scenarios != second.scenarios),
        ("whether two versions were measured in turn", side(first) != side(second)),
    ];
    if let Some((what, _)) = all.iter().find(|(_, differs)| *differs) {
        return Some((*what).to_owned());
    }
    let guest = first.guests.iter().find(|guest| {
        second.guests.iter().any(|it| it.name == guest.name && it.files != guest.files)
    });
    let runner = first.runners.iter().find(|runner| {
        let other = second.runners.iter().find(|it| it.name == runner.name);
        other.is_some_and(|it| it.runtime_version != runner.runtime_version)
    });
    let workload = first.workloads.iter().find(|workload| {
        second.workloads.iter().any(|it| it.name == workload.name && it != *workload)
    });
    guest
        .map(|it| format!("guest {}", it.name))
        .or_else(|| runner.map(|it| format!("the version of {}", it.name)))
        .or_else(|| workload.map(|it| format!("workload {}", it.name)))
}

/// A cell that both have.
fn overlap(first: &Run, second: &Run) -> Option<String> {
    let both = |cell: &&Cell| second.cells.iter().any(|it| it.place() == cell.place());
    let cell = first.cells.iter().find(both)?;
    Some(format!("{} on {}", cell.case, cell.target))
}

/// Everything but cells and launches.
fn head(shards: &[Found], command: Vec<String>) -> Run {
    let runs = || shards.iter().map(|it| &it.run);
    let first = &shards[0].run;
    let session = first.session.as_ref().map(|session| {
        let ids: Vec<String> =
            runs().filter_map(|it| Some(it.session.as_ref()?.id.clone())).collect();
        Session { id: ids.join(" + "), side: session.side }
    });
    let mut run = Run {
        schema_version: SCHEMA_VERSION,
        started_at: runs().map(|it| it.started_at.clone()).min().unwrap_or_default(),
        command,
        guests: Vec::new(),
        workloads: Vec::new(),
        cells: Vec::new(),
        launches: Vec::new(),
        calibrations: Vec::new(),
        crossings: Vec::new(),
        memory_copies: Vec::new(),
        runners: Vec::new(),
        requests_sha256: BTreeMap::new(),
        session,
        shard: None,
        shards: shards.iter().map(shard_run).collect(),
        samples_bytes: 0,
        profile_bytes: 0,
        status: Status::Unfinished,
        ..first.clone()
    };
    run.plan.launches = Vec::new();
    for of in runs() {
        add_new(&mut run.guests, &of.guests, |a, b| a.name == b.name);
        add_new(&mut run.workloads, &of.workloads, |a, b| a.name == b.name);
        add_new(&mut run.runners, &of.runners, |a, b| a.name == b.name);
        add_new(&mut run.calibrations, &of.calibrations, |a, b| a.target == b.target);
        add_new(&mut run.crossings, &of.crossings, |a, b| a.target == b.target);
        run.requests_sha256.extend(of.requests_sha256.clone());
    }
    run
}

fn shard_run(shard: &Found) -> ShardRun {
    ShardRun {
        shard: shard.shard,
        started_at: shard.run.started_at.clone(),
        environment: shard.run.environment.clone(),
    }
}

fn add_new<T: Clone>(to: &mut Vec<T>, from: &[T], is_same: impl Fn(&T, &T) -> bool) {
    for one in from {
        if !to.iter().any(|it| is_same(it, one)) {
            to.push(one.clone());
        }
    }
}

/// Adds the cells and launches of a shard, with what was measured of them.
fn add(
    run: &mut Run,
    directory: &mut RunDirectory,
    shard: &Found,
    position: usize,
) -> Result<(), MergeError> {
    let (first_cell, first_launch) = (run.cells.len(), run.plan.launches.len());
    let moved =
        |planned: &PlannedLaunch| PlannedLaunch { cell: planned.cell + first_cell, ..*planned };
    let of = &shard.run;
    run.cells.extend(of.cells.iter().map(|it| Cell { shard: Some(position), ..it.clone() }));
    run.plan.launches.extend(of.plan.launches.iter().map(moved));
    for cell in &of.cells {
        copy(
            &RunDirectory::requests_of(&shard.folder, &cell.case),
            &directory.requests(&cell.case),
        )?;
        let responses = RunDirectory::responses_of(&shard.folder, &cell.case, &cell.target);
        copy(&responses, &directory.responses(&cell.case, &cell.target))?;
    }
    let mut samples: BTreeMap<u32, Vec<Sample>> = BTreeMap::new();
    if of.samples_bytes > 0 {
        let path = RunDirectory::samples_of(&shard.folder);
        read_samples(&path, of.samples_bytes, |row| {
            samples.entry(row.launch).or_default().push(row.sample);
        })?;
    }
    let mut profiles: BTreeMap<u32, Vec<ProfileRecord>> = BTreeMap::new();
    if of.profile_bytes > 0 {
        let path = RunDirectory::profile_of(&shard.folder);
        read_profile_records(&path, of.profile_bytes, |row| {
            profiles.entry(row.launch).or_default().push(row);
        })?;
    }
    for launch in &of.launches {
        let id = launch.id + u32::try_from(first_launch).unwrap_or(u32::MAX);
        let own = samples.remove(&launch.id).unwrap_or_default();
        let mut profile = profiles.remove(&launch.id).unwrap_or_default();
        for row in &mut profile {
            row.launch = id;
        }
        let copies = of.memory_copies.iter().filter(|it| it.launch == launch.id);
        run.memory_copies.extend(copies.map(|it| MemoryCopies { launch: id, ..it.clone() }));
        directory.append(run, id, &own, &profile)?;
        run.launches.push(Launch { id, planned: moved(&launch.planned), ..launch.clone() });
    }
    Ok(())
}

/// Copies a file that a cell may not have.
fn copy(from: &Path, to: &Path) -> Result<(), RecordError> {
    if !from.is_file() {
        return Ok(());
    }
    fs::copy(from, to).map(|_| ()).map_err(|source| RecordError::io(to, source))
}
