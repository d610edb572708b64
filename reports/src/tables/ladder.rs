//! The deployment ladder: a row per rung.

use wasmfit_record::{ContainerRecord, Rung};

use super::{Entry, Style, Table};
use crate::analysis::{Analysis, Ladder, RungStep, Step};
use crate::format::{count, duration, duration_interval, ratio, size};

/// All that stands below the title of a ladder, but its chart.
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) advice: Vec<String>,
    pub(crate) rungs: Table,
    pub(crate) sizes: Table,
}

impl Section {
    pub(crate) fn of(ladder: &Ladder, analysis: &Analysis) -> Self {
        let mut advice = advice(ladder);
        advice.extend(analysis.container.as_ref().and_then(|it| of_container(ladder, it)));
        Self {
            title: format!("{} on {}", ladder.case, ladder.runtime),
            advice,
            rungs: rungs(ladder),
            sizes: sizes(ladder),
        }
    }
}

/// How soon, how large and how fast.
fn rungs(ladder: &Ladder) -> Table {
    let mut table = Table::new(
        &["rung"],
        &[
            "first response",
            "95% interval",
            "first request",
            "steady",
            "× compiled ahead",
            "resident",
            "per GiB",
            "module",
            "Brotli",
            "artifact",
            "compile time",
        ],
    );
    let native = ladder.native.iter().map(|it| ("native CPython", it));
    let contained = ladder.container.iter().map(|it| ("native CPython in a container", &it.step));
    for (name, step) in native.chain(contained) {
        let mut row = vec![Entry::new(name)];
        row.extend(times(step, None));
        row.extend((0..4).map(|_| Entry::figure(None)));
        table.rows.push(row);
    }
    for rung in &ladder.rungs {
        let mut row = vec![Entry::new(rung.rung.title())];
        row.extend(times(&rung.step, rung.times_aot));
        row.extend([
            Entry::figure(Some(size(rung.module_bytes))),
            Entry::figure(rung.module_compressed.map(|it| size(it.brotli_bytes))),
            Entry::figure(rung.artifact_bytes.map(size)),
            Entry::figure(rung.compile_ns.map(duration)),
        ]);
        table.rows.push(row);
    }
    table
}

fn times(step: &Step, times_aot: Option<f64>) -> [Entry; 7] {
    let figure = Entry::figure;
    [
        figure(Some(duration(step.cold_start_ns.value))).style(Style::Strong),
        figure(duration_interval(&step.cold_start_ns)),
        figure(step.first_request_ns.map(duration)),
        figure(step.steady_ns.map(|it| duration(it.value))),
        figure(times_aot.map(ratio)),
        figure(step.resident_bytes.map(size)),
        figure(step.instances_per_gib().map(count)),
    ]
}

/// How large each rung is in each format, and what it was trimmed to.
fn sizes(ladder: &Ladder) -> Table {
    let mut table = Table::new(
        &["rung"],
        &["module", "gzip", "Brotli", "Zstandard", "library", "functions kept", "of"],
    );
    for rung in &ladder.rungs {
        let RungStep { module_compressed: compressed, closed_world, .. } = rung;
        let figure = Entry::figure;
        table.rows.push(vec![
            Entry::new(rung.rung.title()),
            figure(Some(size(rung.module_bytes))),
            figure(compressed.map(|it| size(it.gzip_bytes))),
            figure(compressed.map(|it| size(it.brotli_bytes))),
            figure(compressed.map(|it| size(it.zstd_bytes))),
            figure((rung.library_bytes > 0).then(|| size(rung.library_bytes))),
            figure(closed_world.map(|it| count(it.functions.into()))),
            figure(closed_world.map(|it| count(it.of.into()))),
        ]);
    }
    table
}

/// What the figures say, a sentence each.
fn advice(ladder: &Ladder) -> Vec<String> {
    let rung = |wanted: Rung| ladder.rungs.iter().find(|it| it.rung == wanted);
    let mut told = Vec::new();
    let soonest = ladder
        .rungs
        .iter()
        .min_by(|a, b| a.step.cold_start_ns.value.total_cmp(&b.step.cold_start_ns.value));
    if let Some(soonest) = soonest {
        told.push(first_response(soonest, rung(Rung::Aot), ladder.native.as_ref()));
        let alike: Vec<&str> = ladder
            .rungs
            .iter()
            .filter(|it| it.rung != soonest.rung && !is_later(&it.step, &soonest.step))
            .map(|it| it.rung.title())
            .collect();
        if !alike.is_empty() {
            told.push(format!("As soon, as far as can be told: {}.", alike.join("; ")));
        }
    }
    if let Some(closed) = ladder.rungs.iter().find_map(|it| it.closed_world) {
        told.push(format!(
            "Trimmed guests are a closed world: they keep {} of {} functions, those that {} requests reach and what these call directly, and to reach another traps.",
            count(closed.functions.into()),
            count(closed.of.into()),
            count(closed.requests.into()),
        ));
    }
    told.extend(rung(Rung::Aot).map(compiled_ahead));
    if let Some(plain) = rung(Rung::TrimmedWarmed) {
        told.extend(
            [(Rung::Oz, "-Oz"), (Rung::O3, "-O3")]
                .into_iter()
                .filter_map(|(name, level)| Some(optimised(rung(name)?, plain, level))),
        );
    }
    told.extend(rung(Rung::Least).map(|least| {
        format!(
            "The smallest, {}, is {} after Brotli, and its library {}.",
            least.rung.title(),
            least
                .module_compressed
                .map_or_else(|| size(least.module_bytes), |it| size(it.brotli_bytes)),
            size(least.library_bytes)
        )
    }));
    told
}

/// What a container costs, or why that is not known.
fn of_container(ladder: &Ladder, record: &ContainerRecord) -> Option<String> {
    match (record, ladder.container) {
        (ContainerRecord::Unavailable { reason }, _) => {
            Some(format!("No container could be started here: {reason}."))
        }
        (ContainerRecord::Started { runtime, .. }, Some(it)) => Some(format!(
            "In a container native CPython gives its first response after {}{}. Started by {runtime}, with namespaces of its own and this machine's files bound read-only: pulling and unpacking an image, and connecting a network, come on top.",
            duration(it.step.cold_start_ns.value),
            it.until_started_ns.map_or_else(String::new, |until| format!(
                ", {} of it until the interpreter is started",
                duration(until)
            )),
        )),
        (ContainerRecord::Started { .. }, None) => None,
    }
}

/// Whether the intervals of first responses are apart.
fn is_later(one: &Step, other: &Step) -> bool {
    let intervals = one.cold_start_ns.interval.zip(other.cold_start_ns.interval);
    intervals.is_some_and(|(one, other)| one.low > other.high)
}

fn first_response(soonest: &RungStep, aot: Option<&RungStep>, native: Option<&Step>) -> String {
    let time = soonest.step.cold_start_ns.value;
    let against = |name: &str, other: f64| format!(", {} sooner than {name}", ratio(other / time));
    let aot = aot.filter(|it| it.rung != soonest.rung).map(|it| it.step.cold_start_ns.value);
    let aot = aot.map_or_else(String::new, |it| against("compiled ahead alone", it));
    let native = native.map(|it| it.cold_start_ns.value);
    let native = native.map_or_else(String::new, |native| {
        if native >= time {
            against("native CPython", native)
        } else {
            format!(", native CPython {} sooner than that", ratio(time / native))
        }
    });
    format!(
        "The soonest first response, {} after process start, comes from {}{aot}{native}.",
        duration(time),
        soonest.rung.title()
    )
}

/// "AOT gives microseconds": does it?
fn compiled_ahead(aot: &RungStep) -> String {
    let time = aot.step.cold_start_ns.value;
    let verdict = if time < 1e6 { "holds" } else { "does not hold" };
    format!(
        "That compiling ahead starts a guest within microseconds {verdict} for a process of its own: {}.",
        duration(time)
    )
}

/// "wasm-opt always saves 20 to 40%": did it?
fn optimised(optimised: &RungStep, plain: &RungStep, level: &str) -> String {
    let saved = 1.0 - optimised.module_bytes as f64 / plain.module_bytes.max(1) as f64;
    let verdict = if (0.2..=0.4).contains(&saved) { "holds" } else { "does not hold" };
    let change = if saved >= 0.0 { "saves" } else { "adds" };
    format!(
        "That wasm-opt saves 20 to 40% {verdict} here: {level}, without names, {change} {:.1}% of the module that was trimmed and warmed.",
        saved.abs() * 100.0
    )
}
