//! `wasmfit sandbox`: what limits cost.

use crate::cli::{Bench, Limited, Sandbox};
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
        limited: Some(limited),
        python: arguments.python.clone(),
        profile: arguments.profile,
        out: arguments.out.clone(),
        memory: arguments.memory,
        timeout: arguments.timeout,
        runners: arguments.runners.clone(),
        json: arguments.json,
        ..Bench::default()
    }
}
