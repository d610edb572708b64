//! `wasmfit sandbox`: what limits cost.

use crate::cli::{Bench, Limited, Purpose, Sandbox, Versus};
use crate::commands::bench;
use crate::exit::{CommandError, Ending};

/// One workload for each class that dominates natively. What interprets and
/// what marshals runs on every guest.
const WORKLOADS: [&str; 3] = ["wordpiece", "mel-spectrogram", "json-features"];

/// Measures each tier that has a limit next to the one without.
pub(crate) fn run(arguments: &Sandbox) -> Result<Ending, CommandError> {
    bench::run(&bench_of(arguments))
}

/// The same as a measurement.
pub(crate) fn bench_of(arguments: &Sandbox) -> Bench {
    let mut workloads = arguments.workloads.clone();
    if workloads.is_empty() {
        workloads = WORKLOADS.map(str::to_owned).to_vec();
    }
    let limited = Limited { runtimes: arguments.runtimes.clone(), guest: arguments.guest.clone() };
    Bench {
        workloads,
        targets: Vec::new(),
        limited: Some(limited),
        interpreters: false,
        purpose: Purpose::Targets,
        python: arguments.python.clone(),
        shard: None,
        profile: arguments.profile,
        out: arguments.out.clone(),
        resume: None,
        memory: arguments.memory,
        timeout: arguments.timeout,
        output: 1024,
        sample_rate: crate::plan::HERTZ,
        rules: Vec::new(),
        scenarios: Vec::new(),
        budgets: Vec::new(),
        seed: None,
        runners: arguments.runners.clone(),
        guests: Vec::new(),
        inject: None,
        versus: Versus::default(),
        json: arguments.json,
    }
}
