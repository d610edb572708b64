//! What a reader must keep in mind, and what to do about it.

mod find;
mod group;

use std::fmt;

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{Injection, RequestPhase, Start};
use wasmfit_record::{Case, Target};

pub(crate) use find::{find, is_disturbed};
pub(crate) use group::{WarningGroup, grouped};

use crate::analysis::{Paging, Ratio, VersionDifference};
use crate::format::{counted, duration, level, percent, ratio, ratio_interval_in_brackets};
use crate::statistics::confidence_of;

/// A case on a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CellName {
    /// The case.
    pub case: Case,
    /// The target.
    pub target: Target,
}

impl fmt::Display for CellName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.case, self.target)
    }
}

/// How much a warning weighs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something is missing.
    Problem,
    /// Figures may mislead.
    Caution,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Caution => "caution",
            Self::Note => "note",
        }
    }
}

/// Everything that is warned of. [`fmt::Display`] names what was found and
/// the remedy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "warning", rename_all = "kebab-case")]
pub enum Warning {
    /// Launches are missing.
    UnfinishedRun {
        /// Launches that have ended.
        ended: usize,
        /// Launches that were planned.
        planned: usize,
        /// Whether a budget may leave out some of the others.
        has_budget: bool,
    },
    /// A cell failed.
    FailedCell {
        /// The cell.
        cell: CellName,
        /// Where in the job's life.
        during: String,
        /// What and why.
        message: String,
    },
    /// A case was not measured natively.
    NoBaseline {
        /// The case.
        case: Case,
    },
    /// Native and guest run different versions.
    VersionsDiffer {
        /// The guest.
        guest: String,
        /// What differs.
        difference: VersionDifference,
    },
    /// Too few launches for an interval to hold what it promises.
    FewLaunches {
        /// The cell.
        cell: CellName,
        /// How many.
        launches: u32,
        /// Of how many that were planned.
        planned: u32,
    },
    /// Latency had not settled when sampling began.
    UnsettledWarmup {
        /// The cell.
        cell: CellName,
        /// Launches it concerns.
        launches: u32,
        /// Of how many.
        of: u32,
    },
    /// The machine was busy before the run began.
    BusyMachine {
        /// Load average over the minute before.
        load: f64,
        /// Logical processors.
        cpus: u32,
    },
    /// The hypervisor gave processor time to others.
    Steal {
        /// The cell.
        cell: CellName,
        /// Of the worst launch, 0 to 1.
        share: f64,
    },
    /// Other processes had processor time.
    OtherProcesses {
        /// The cell.
        cell: CellName,
        /// Of the whole machine's, in the worst launch, 0 to 1.
        share: f64,
    },
    /// A processor was slowed down for heat, or the control group stopped.
    Throttled {
        /// The cell.
        cell: CellName,
        /// During how many launches.
        launches: u32,
    },
    /// Requests were slowed down on purpose.
    Injected {
        /// Where, and how much.
        injection: Injection,
    },
    /// Shards were measured on machines of different kinds.
    SeveralMachines {
        /// Processors of each, once.
        processors: Vec<String>,
    },
    /// The measuring thread was off the processor.
    Preempted {
        /// The cell.
        cell: CellName,
        /// CPU time over wall time.
        cpu_share: f64,
    },
    /// The processor's frequency was not held.
    Governor {
        /// What governs it.
        governor: String,
    },
    /// Outputs are within tolerance of native's, and not the same bytes.
    OutputsNotIdentical {
        /// The cell.
        cell: CellName,
        /// Requests whose responses differ.
        differing: u32,
        /// Of how many.
        requests: u32,
        /// Largest `|a - b|`.
        largest_absolute: f64,
    },
    /// Pages given back to the system are taken anew with every request.
    MemoryTakenAnew {
        /// The cell.
        cell: CellName,
        /// What a request takes.
        paging: Paging,
    },
    /// A ratio's interval includes 1.
    NoDifference {
        /// The cell.
        cell: CellName,
        /// The ratio.
        ratio: Ratio,
    },
    /// Cold-start phases do not add up to the whole.
    ColdStartUnaccounted {
        /// The cell.
        cell: CellName,
        /// How the interpreter came up.
        start: Start,
        /// Of the whole; negative where phases overlap.
        share: f64,
    },
    /// Watching changed what was watched.
    Perturbation {
        /// The cell.
        cell: CellName,
        /// Marked over plain, minus 1; negative where the passes differ by
        /// more than marks explain.
        share: f64,
    },
    /// Samples in functions that no rule knows.
    UnknownFunctions {
        /// The cell.
        cell: CellName,
        /// Their share of `infer`.
        share: f64,
        /// The function with the most of them.
        function: String,
    },
    /// There was no room for samples.
    LostSamples {
        /// The cell.
        cell: CellName,
        /// How many.
        lost: u64,
    },
    /// The workload computes in threads of its own, which are not sampled.
    OwnThreads {
        /// The cell.
        cell: CellName,
        /// Their processor time over that of the sampled thread.
        share: f64,
    },
    /// Samples fell in objects without symbols.
    NoSymbols {
        /// The cell.
        cell: CellName,
        /// The objects.
        objects: Vec<String>,
        /// Share of `infer` in functions without a name.
        share: f64,
    },
    /// The system took no PC samples.
    NoProfile {
        /// The cell.
        cell: CellName,
        /// Its reason.
        reason: String,
    },
    /// Phases that are about as short as marking them takes.
    MarkCost {
        /// The cell.
        cell: CellName,
        /// The phases.
        phases: Vec<RequestPhase>,
        /// The longest of them.
        longest_ns: f64,
    },
}

impl Warning {
    /// How much it weighs.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::UnfinishedRun { .. }
            | Self::Injected { .. }
            | Self::FailedCell { .. }
            | Self::NoBaseline { .. } => Severity::Problem,
            Self::VersionsDiffer { .. }
            | Self::FewLaunches { .. }
            | Self::UnsettledWarmup { .. }
            | Self::BusyMachine { .. }
            | Self::Steal { .. }
            | Self::OtherProcesses { .. }
            | Self::Throttled { .. }
            | Self::SeveralMachines { .. }
            | Self::Preempted { .. }
            | Self::Governor { .. }
            | Self::ColdStartUnaccounted { .. }
            | Self::UnknownFunctions { .. }
            | Self::LostSamples { .. }
            | Self::OwnThreads { .. }
            | Self::NoSymbols { .. }
            | Self::NoProfile { .. }
            | Self::MemoryTakenAnew { .. }
            | Self::Perturbation { .. } => Severity::Caution,
            Self::OutputsNotIdentical { .. }
            | Self::NoDifference { .. }
            | Self::MarkCost { .. } => Severity::Note,
        }
    }

    /// What it is about: warnings of one title share it and the remedy.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        match self {
            Self::UnfinishedRun { .. } => "The run is unfinished",
            Self::FailedCell { .. } => "A cell failed",
            Self::NoBaseline { .. } => "No native baseline",
            Self::VersionsDiffer { .. } => "Native and guest versions differ",
            Self::FewLaunches { .. } => "Few launches: intervals hold less than 95%",
            Self::UnsettledWarmup { .. } => "Warm-up never settled",
            Self::BusyMachine { .. } => "The machine was busy",
            Self::Steal { .. } => "Processor time was stolen",
            Self::OtherProcesses { .. } => "Other processes were at work",
            Self::Throttled { .. } => "Processors were throttled",
            Self::Injected { .. } => "Requests were slowed down on purpose",
            Self::SeveralMachines { .. } => "Measured on different machines",
            Self::Preempted { .. } => "Off the processor",
            Self::Governor { .. } => "Processor frequency was not held",
            Self::OutputsNotIdentical { .. } => "Outputs agree within tolerance, not byte for byte",
            Self::MemoryTakenAnew { .. } => "Memory is given back and taken anew at every request",
            Self::NoDifference { .. } => "No difference shown",
            Self::ColdStartUnaccounted { .. } => "Cold-start phases do not add up",
            Self::Perturbation { share, .. } if *share < 0.0 => {
                "Marked requests came out faster than plain ones"
            }
            Self::Perturbation { .. } => "Phase marks changed the latency",
            Self::UnknownFunctions { .. } => "Functions that no rule of cost classes knows",
            Self::LostSamples { .. } => "Samples were lost",
            Self::OwnThreads { .. } => "The workload has threads of its own",
            Self::NoSymbols { .. } => "Native code without symbols",
            Self::NoProfile { .. } => "No PC samples",
            Self::MarkCost { .. } => "Phases about as short as a mark",
        }
    }

    /// What was found, where.
    #[must_use]
    pub fn finding(&self) -> String {
        match self {
            Self::UnfinishedRun { ended, planned, has_budget } => {
                let rest = if *has_budget { "; the budget may leave out some others" } else { "" };
                format!("{ended} of {planned} launches have ended{rest}")
            }
            Self::FailedCell { cell, during, message } => {
                format!("{cell} failed during {during}: {message}")
            }
            Self::NoBaseline { case } => {
                format!("{case} was not measured natively: no ratios, outputs not verified")
            }
            Self::VersionsDiffer { guest, difference } => {
                let VersionDifference { of, native, guest: version } = difference;
                format!("{guest}: {of} {version} in the guest, {native} natively")
            }
            Self::FewLaunches { cell, launches, planned } => {
                few_launches(cell, *launches, *planned)
            }
            Self::UnsettledWarmup { cell, launches, of } => {
                format!("{cell}: latency was still moving in {launches} of {of} launches")
            }
            Self::BusyMachine { load, cpus } => {
                format!("load average {load:.2} on {cpus} processors before the run")
            }
            Self::Steal { cell, share } => {
                format!("{cell}: {} of processor time in the worst launch", percent(*share))
            }
            Self::OtherProcesses { cell, share } => {
                format!(
                    "{cell}: {} of the machine's processor time in the worst launch",
                    percent(*share)
                )
            }
            Self::Throttled { cell, launches } => {
                format!("{cell}: during {}", counted(u64::from(*launches), "launch", "launches"))
            }
            Self::Injected { injection } => format!(
                "{} at the {}: these are no figures of what was measured",
                percent(f64::from(injection.permille) / 1000.0),
                injection.place.name()
            ),
            Self::SeveralMachines { processors } => {
                format!("{}: each case on one of them", processors.join("; "))
            }
            Self::Preempted { cell, cpu_share } => {
                format!("{cell}: on the processor for {} of the time", percent(*cpu_share))
            }
            Self::Governor { governor } => format!("the frequency governor is {governor}"),
            Self::OutputsNotIdentical { cell, differing, requests, largest_absolute } => format!(
                "{cell}: {differing} of {requests} responses differ, by at most {largest_absolute:.2e}"
            ),
            Self::MemoryTakenAnew { cell, paging } => format!(
                "{cell}: {:.0} page faults a request, at least {:.0}% of its time",
                paging.page_faults,
                paging.share * 100.0
            ),
            Self::NoDifference { cell, ratio: found } => format!(
                "{cell}: {} native's time{}, which includes 1",
                ratio(found.times_native.value),
                ratio_interval_in_brackets(&found.times_native),
            ),
            Self::ColdStartUnaccounted { cell, start, share } => format!(
                "{cell}, {} start: {} of the time belongs to no phase",
                start.name(),
                percent(*share)
            ),
            Self::Perturbation { cell, share } => format!(
                "{cell}: marked requests take {} {} than plain ones",
                percent(share.abs()),
                if *share < 0.0 { "less" } else { "longer" }
            ),
            Self::UnknownFunctions { cell, share, function } => {
                format!("{cell}: {} of infer, {function} most of all", percent(*share))
            }
            Self::LostSamples { cell, lost } => {
                format!("{cell}: {}", counted(*lost, "sample", "samples"))
            }
            Self::OwnThreads { cell, share } => format!(
                "{cell}: they took {} of the processor time that the sampled one took",
                percent(*share)
            ),
            Self::NoSymbols { cell, objects, share } => format!(
                "{cell}: {} of infer in functions without a name, of {}",
                percent(*share),
                objects.join(", ")
            ),
            Self::NoProfile { cell, reason } => format!("{cell}: {reason}"),
            Self::MarkCost { cell, phases, longest_ns } => {
                let names: Vec<_> = phases.iter().map(|phase| phase.name()).collect();
                format!("{cell}: {} within {}", names.join(", "), duration(*longest_ns))
            }
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::UnfinishedRun { .. } => "finish it with `wasmfit bench --resume`",
            Self::FailedCell { .. } => {
                "mend what its message names and measure again; its figures are withheld, every other cell stands"
            }
            Self::NoBaseline { .. } => "measure the native target too",
            Self::VersionsDiffer { .. } => {
                "name a native interpreter with the guest's versions in WASMFIT_PYTHON (`scripts/setup` installs one with those of the newest guest); until then the guest's ratios also compare versions"
            }
            Self::FewLaunches { .. } => {
                "measure with `--profile default` or `--profile thorough`, which plan more launches and raise the budget of a cell"
            }
            Self::UnsettledWarmup { .. } => {
                "give it a longer warm-up with `--profile thorough`; until then its median mixes warm and cold"
            }
            Self::BusyMachine { .. } => "stop other work and measure again",
            Self::Steal { .. } => {
                "measure on a machine of its own, or again when its neighbours are quiet; compare CPU medians meanwhile"
            }
            Self::OtherProcesses { .. } => {
                "stop other work and measure again; where that cannot be, compare versions only in turn (`--base-...`)"
            }
            Self::Throttled { .. } => {
                "cool the machine, hold its frequency below the limit, or give the container whole processors without a quota"
            }
            Self::Injected { .. } => "measure again without --inject",
            Self::SeveralMachines { .. } => {
                "read ratios: times of two cases may be of two machines; give all shards one kind of machine"
            }
            Self::Preempted { .. } => {
                "stop other work and measure again; a workload that waits or computes in other threads shows this too, and short requests over stdio, where two threads take turns"
            }
            Self::Governor { .. } => {
                "hold it during the run, for example with `cpupower frequency-set -g performance`"
            }
            Self::OutputsNotIdentical { .. } => {
                "nothing, while the tolerance that the workload states suits you"
            }
            Self::MemoryTakenAnew { .. } => {
                "linear memory is never given back, so a guest is spared this: see what native takes with MALLOC_TRIM_THRESHOLD_ and MALLOC_MMAP_THRESHOLD_ at 100000000 in the environment, which keep it too"
            }
            Self::NoDifference { .. } => {
                "do not rank them by this; `--profile thorough` narrows the interval"
            }
            Self::ColdStartUnaccounted { .. } => {
                "measure again on a quiet machine; if it stays, the runner does work outside its phases: report that"
            }
            Self::Perturbation { share, .. } if *share < 0.0 => {
                "marks only add time, so the two passes differ by more than the marks explain, which is noise: measure again on a quieter machine, or with `--profile thorough`"
            }
            Self::Perturbation { .. } => {
                "take shares from the phases and times from the plain median, never the reverse"
            }
            Self::UnknownFunctions { .. } => {
                "see what they do, write a rule for them (`wasmfit classify --help`) and measure with `--rules`; until then they count as neither interpreter nor compute"
            }
            Self::LostSamples { .. } => "take fewer with `--sample-rate`",
            Self::OwnThreads { .. } => {
                "read its split as that of the thread that waits for them; a guest has one thread, so compare with the workload held to one"
            }
            Self::NoSymbols { .. } => {
                "install their debug files and name the folder in WASMFIT_DEBUG (`scripts/setup` does it for its own Python); until then they count as whole objects"
            }
            Self::NoProfile { .. } => {
                "phases are timed all the same; to split infer, allow this process timers: `ulimit -i` says how many signals may be pending"
            }
            Self::MarkCost { .. } => "read them as next to nothing: a mark costs about as much",
        }
    }
}

fn few_launches(cell: &CellName, launches: u32, planned: u32) -> String {
    let made = counted(u64::from(launches), "launch", "launches");
    let made = if launches < planned { format!("{made} of {planned} planned") } else { made };
    if launches < 2 {
        return format!("{cell}: {made}, hence no interval");
    }
    let confidence = level(confidence_of(launches as usize));
    format!("{cell}: {made}, whose interval holds {confidence} at most")
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. Remedy: {}.", self.title(), self.finding(), self.remedy())
    }
}
