//! What was measured, where, in which versions.

use std::collections::{BTreeMap, BTreeSet};

use wasmfit_record::{Budget, Environment, ShardRun, WorkloadRecord};

use super::cells::{allowed, causes_in_words};
use super::{Entry, Table};
use crate::analysis::{Analysis, LaunchCounts};
use crate::format::{count, counted, duration, round_duration, size};

/// The run, and the machine or machines.
pub(crate) fn environment(analysis: &Analysis) -> Table {
    let mut rows = vec![
        ("measured", Entry::new(&analysis.started_at)),
        ("wasmfit", Entry::new(&analysis.wasmfit_version)),
        ("profile", Entry::new(profile(analysis))),
        ("launches", Entry::new(launches(analysis))),
        ("budget of a cell", Entry::new(analysis.budget.map_or_else(String::new, budget))),
        ("samples", Entry::new(count(analysis.samples))),
    ];
    if analysis.shards.is_empty() {
        rows.extend(machine(&analysis.environment));
        return pairs(&rows);
    }
    let mut table = pairs(&rows);
    let shards = analysis.shards.iter().map(|it| {
        let name = format!("shard {} of {}", it.shard.index, it.shard.of);
        vec![Entry::new(name), Entry::new(machine_in_words(it))]
    });
    table.rows.extend(shards);
    table
}

fn machine(environment: &Environment) -> [(&'static str, Entry); 9] {
    let told = |text: &Option<String>| text.clone().unwrap_or_else(|| "not told".to_owned());
    [
        ("system", Entry::new(&environment.system)),
        ("kernel", Entry::new(&environment.kernel)),
        ("architecture", Entry::new(&environment.architecture)),
        ("processor", Entry::new(processors(environment))),
        ("memory", Entry::new(size(environment.memory_bytes))),
        ("load before the run", Entry::new(format!("{:.2}", environment.load_before))),
        ("a page fault", Entry::figure(environment.page_fault_ns.map(duration))),
        ("frequency governor", Entry::new(told(&environment.governor))),
        ("virtualization", Entry::new(told(&environment.virtualization))),
    ]
}

fn processors(environment: &Environment) -> String {
    format!("{} ({} logical)", environment.cpu, environment.cpus)
}

/// The machine of a shard, on one line.
fn machine_in_words(ShardRun { started_at, environment, .. }: &ShardRun) -> String {
    let virtualization = environment.virtualization.as_ref();
    format!(
        "{}, {}, {}, kernel {}{}, load {:.2}, {started_at}",
        processors(environment),
        size(environment.memory_bytes),
        environment.system,
        environment.kernel,
        virtualization.map_or_else(String::new, |name| format!(" under {name}")),
        environment.load_before
    )
}

fn profile(analysis: &Analysis) -> String {
    format!("{}, {} rounds", analysis.profile.name(), analysis.rounds)
}

fn launches(analysis: &Analysis) -> String {
    let number = |of: usize| count(of as u64);
    let LaunchCounts { planned, ended, left_out, forgone } = analysis.launches;
    let why_left_out = match analysis.until_decided {
        Some(_) => "not made as their cell was decided, or time was up",
        None => "left out by the budget",
    };
    let made = format!("{} of {} planned", number(ended), number(planned));
    let others = [
        (left_out, why_left_out),
        (forgone, "not made as their cell had failed or is unsupported"),
    ];
    let others = others.into_iter().filter(|(count, _)| *count > 0);
    let others = others.map(|(count, why)| format!("{} {why}", number(count)));
    std::iter::once(made).chain(others).collect::<Vec<_>>().join("; ")
}

/// The rule by which slow cells are launched less often.
pub(crate) fn budget(budget: Budget) -> String {
    let rounds = counted(u64::from(budget.least_rounds), "round", "rounds");
    let time = round_duration(budget.cell_ns as f64);
    format!(
        "once the launches of a cell have taken {time} together, its others are left out, but for the steady ones of its first {rounds} and the cold ones of its first"
    )
}

/// Package to its versions: more than one where cases differ.
type Packages = BTreeMap<String, BTreeSet<String>>;

/// What runs inside each target, over all cases.
pub(crate) fn versions(analysis: &Analysis) -> Table {
    let mut targets: Vec<([String; 4], Packages)> = Vec::new();
    let measured = analysis.measured().map(|(_, cell, measured)| {
        (&cell.target, cell.boundary, &measured.runtime_version, &measured.versions)
    });
    let of_lab = analysis.boundary.iter().flat_map(|lab| &lab.targets);
    let of_lab = of_lab.map(|it| (&it.target, it.boundary, &it.runtime_version, &it.versions));
    for (target, boundary, runtime_version, versions) in measured.chain(of_lab) {
        let target = [
            target.to_string(),
            runtime_version.clone(),
            versions.python.clone(),
            boundary.map_or_else(String::new, |boundary| boundary.name().into()),
        ];
        let known = targets.iter().position(|(known, _)| *known == target);
        let (_, packages) = match known {
            Some(known) => &mut targets[known],
            None => targets.push_mut((target, Packages::new())),
        };
        for (name, version) in &versions.packages {
            packages.entry(name.clone()).or_default().insert(version.clone());
        }
    }
    let mut table = Table::new(&["target", "runtime", "Python", "boundary", "packages"], &[]);
    for (target, packages) in targets {
        let versions = |of: BTreeSet<String>| of.into_iter().collect::<Vec<_>>().join(" and ");
        let packages = packages.into_iter().map(|(name, of)| format!("{name} {}", versions(of)));
        let packages: Vec<_> = packages.collect();
        let texts = target.into_iter().chain([packages.join(", ")]);
        let told = texts.map(|text| Entry::figure(Some(text).filter(|text| !text.is_empty())));
        table.rows.push(told.collect());
    }
    table
}

/// The files of the guests.
pub(crate) fn guests(analysis: &Analysis) -> Table {
    let mut table = Table::new(&["guest", "file", "SHA-256", "source"], &["size"]);
    for guest in &analysis.guests {
        for (file, hash) in &guest.files {
            table.rows.push(vec![
                Entry::new(&guest.name),
                Entry::new(file),
                Entry::hash(hash),
                Entry::new(&guest.source),
                Entry::figure(guest.bytes.get(file).map(|bytes| size(*bytes))),
            ]);
        }
    }
    table.with_quiet_repeats()
}

/// What a workload is.
pub(crate) fn workload(record: &WorkloadRecord) -> Table {
    let assets = Entry::hash(&record.assets_sha256);
    let assets =
        Entry { text: format!("{}, {}", size(record.assets_bytes), assets.text), ..assets };
    pairs(&[
        ("stands for", Entry::new(&record.stands_for)),
        ("data and model", Entry::new(&record.data)),
        ("accuracy", Entry::new(&record.accuracy)),
        ("expected to cost most", Entry::new(&record.dominant)),
        ("packages", Entry::new(record.packages.join(", "))),
        ("outputs may differ by", Entry::new(allowed(record.tolerance))),
        ("known causes of it", Entry::new(causes_in_words(&record.deviations))),
        ("workload.py, SHA-256", Entry::hash(&record.code_sha256)),
        ("assets, SHA-256", assets),
    ])
}

/// A table of names and what they are; those without anything are left out.
fn pairs(pairs: &[(&str, Entry)]) -> Table {
    let mut table = Table::new(&["what", "value"], &[]);
    let told = pairs.iter().filter(|(_, entry)| entry.is_told());
    table.rows = told.map(|(name, entry)| vec![Entry::new(*name), entry.clone()]).collect();
    table
}
