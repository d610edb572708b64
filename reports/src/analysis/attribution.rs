//! Where a request's time goes by cost class: marshalling by the clock, the
//! rest of `infer` by PC samples.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{Boundary, Execution, Profiled, RequestPhase};
use wasmfit_record::{Cell, Class, GuestRecord};

use super::run::ServedLaunch;
use super::{Latency, Phases};
use crate::profile::CellProfile;
use crate::statistics::{Estimate, median, share_of_samples};

/// Functions that are kept of each class.
const TOP: usize = 5;

/// A cost class by its definition: what the advice depends on.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum CostClass {
    /// Byte code, objects, memory, dispatch.
    Interpreter,
    /// Compiled code that does bulk work on data.
    Compute,
    /// All phases but `infer`.
    Marshalling,
    /// Kernel, runtime and host calls within `infer`.
    System,
    /// What no rule knows.
    Unknown,
}

impl CostClass {
    /// All of them, in the order in which reports show them.
    pub const ALL: [Self; 5] =
        [Self::Interpreter, Self::Compute, Self::Marshalling, Self::System, Self::Unknown];

    /// The name used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interpreter => "interpreter",
            Self::Compute => "compute",
            Self::Marshalling => "marshalling",
            Self::System => "system",
            Self::Unknown => "unknown",
        }
    }

    /// The class that a class of samples within `infer` belongs to.
    #[must_use]
    pub const fn of(class: Class) -> Self {
        match class {
            _ if class.is_interpreter() => Self::Interpreter,
            Class::Compute => Self::Compute,
            Class::System => Self::System,
            _ => Self::Unknown,
        }
    }
}

/// What is known of where a cell's time goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "attribution", rename_all = "kebab-case")]
pub enum Attributed {
    /// By samples.
    Assessed(Box<Attribution>),
    /// By phases alone.
    NotAssessable(NotAssessable),
}

/// Why `infer` is not split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum NotAssessable {
    /// The guest's module names no functions.
    NoFunctionNames,
    /// The tier interprets: the processor is never in the guest's functions.
    Interpreted,
    /// The host does not see where a phase begins.
    NoMarks,
    /// The system takes no samples.
    Impossible {
        /// Its reason.
        reason: String,
    },
    /// No samples were asked for, or the runner takes none.
    NotTaken,
}

impl NotAssessable {
    /// In words, to follow a colon.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::NoFunctionNames => "the guest carries no function names".to_owned(),
            Self::Interpreted => {
                "an interpreter tier hides the guest’s functions from the sampler".to_owned()
            }
            Self::NoMarks => "over stdio the host does not see where a phase begins".to_owned(),
            Self::Impossible { reason } => reason.clone(),
            Self::NotTaken => "no PC samples were taken".to_owned(),
        }
    }
}

/// Where a request's time goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Attribution {
    /// Of the whole request, in the order of [`CostClass::ALL`].
    pub costs: Vec<Cost>,
    /// Of `infer`, by class and sub-class of its samples; those without any
    /// are left out.
    pub parts: Vec<Part>,
    /// Samples within `infer`.
    pub infer_samples: u64,
    /// Samples by phase, class and function: everything there is.
    pub places: Vec<PlaceCount>,
    /// How much longer a request of the profile pass takes than a plain one,
    /// as a share of the plain median; negative where marks leave some out.
    pub perturbation_share: Option<f64>,
    /// How much more processor time the mean request takes than in the phase
    /// pass, which has the same marks: the cost of sampling alone. Median over
    /// launches.
    pub sampler_share: Option<f64>,
    /// Samples that there was no room for.
    pub lost: u64,
    /// Processor time of threads that are not sampled over that of the one
    /// that is.
    pub other_threads_share: f64,
    /// Objects without symbols in which samples fell: there the split is as
    /// coarse as the object.
    pub nameless: Vec<String>,
}

/// What a cost class takes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Cost {
    /// The class.
    pub class: CostClass,
    /// Of the request's time, 0 to 1. The interval is that of the samples;
    /// marshalling is by the clock and has none.
    pub share: Estimate,
    /// The share of the plain median.
    pub time_ns: f64,
}

/// What a class of samples takes of `infer`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Part {
    /// The class.
    pub class: Class,
    /// Its samples.
    pub samples: u64,
    /// Of the samples within `infer`, 0 to 1.
    pub share_of_infer: Estimate,
    /// Of the request's time, 0 to 1.
    pub share: f64,
    /// The share of the plain median.
    pub time_ns: f64,
    /// Its functions with the most samples, most first.
    pub top: Vec<PlaceCount>,
}

/// Samples of a function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlaceCount {
    /// The phase they fell in.
    pub phase: RequestPhase,
    /// What the rules make of it.
    pub class: Class,
    /// The function; empty where it has no name.
    pub symbol: String,
    /// What holds it.
    pub object: String,
    /// The caller that it is charged to; else empty.
    pub charged_to: String,
    /// How many.
    pub samples: u64,
}

impl Attribution {
    /// The share and time of a class.
    #[must_use]
    pub fn cost(&self, class: CostClass) -> Option<&Cost> {
        self.costs.iter().find(|cost| cost.class == class)
    }

    /// The class with the largest share.
    #[must_use]
    pub fn dominant(&self) -> Option<&Cost> {
        self.costs.iter().max_by(|a, b| a.share.value.total_cmp(&b.share.value))
    }
}

/// What is known of a cell beside its samples.
pub(super) struct Circumstances<'a> {
    pub(super) cell: &'a Cell,
    pub(super) guest: Option<&'a GuestRecord>,
    pub(super) profile: Option<&'a CellProfile>,
    pub(super) phases: Option<&'a Phases>,
    pub(super) latency: Option<&'a Latency>,
}

pub(super) fn of(circumstances: &Circumstances<'_>, steady: &[&ServedLaunch<'_>]) -> Attributed {
    let Circumstances { cell, guest, profile, phases, latency } = *circumstances;
    match (profile, phases, latency) {
        (Some(profile), Some(phases), Some(latency)) if !profile.is_empty() => {
            let attribution = attribution(profile, phases, latency, steady);
            Attributed::Assessed(Box::new(attribution))
        }
        _ => Attributed::NotAssessable(why_not(cell, guest, steady)),
    }
}

fn why_not(
    cell: &Cell,
    guest: Option<&GuestRecord>,
    steady: &[&ServedLaunch<'_>],
) -> NotAssessable {
    let impossible = steady.iter().find_map(|launch| match &launch.served.profile {
        Some(Profiled::Impossible { reason }) => Some(reason.clone()),
        Some(Profiled::Taken(_)) | None => None,
    });
    match (cell.execution, guest, impossible) {
        (Some(Execution::Interpreted), _, _) => NotAssessable::Interpreted,
        (_, Some(guest), _) if !guest.function_names => NotAssessable::NoFunctionNames,
        (_, Some(guest), Some(_)) if guest.boundary == Boundary::Stdio => NotAssessable::NoMarks,
        (_, _, Some(reason)) => NotAssessable::Impossible { reason },
        _ => NotAssessable::NotTaken,
    }
}

fn attribution(
    profile: &CellProfile,
    phases: &Phases,
    latency: &Latency,
    steady: &[&ServedLaunch<'_>],
) -> Attribution {
    let mut places: Vec<_> = profile
        .iter()
        .map(|(place, samples)| PlaceCount {
            phase: place.phase,
            class: place.class,
            symbol: place.symbol.clone(),
            object: place.object.clone(),
            charged_to: place.charged_to.clone(),
            samples: *samples,
        })
        .collect();
    // Stable: equal counts stay in the order of their names.
    places.sort_by(|a, b| (a.phase, b.samples).cmp(&(b.phase, a.samples)));
    let in_infer = |it: &PlaceCount| it.phase == RequestPhase::Infer;
    let infer_samples = places.iter().filter(|it| in_infer(it)).map(|it| it.samples).sum();
    let infer_share = 1.0 - phases.marshalling_share;
    let plain_ns = latency.median_ns.value;
    let count = |wanted: &dyn Fn(Class) -> bool| -> u64 {
        places.iter().filter(|it| in_infer(it) && wanted(it.class)).map(|it| it.samples).sum()
    };
    let costs = CostClass::ALL.map(|class| {
        let share = if class == CostClass::Marshalling {
            Estimate { value: phases.marshalling_share, interval: None }
        } else {
            let samples = count(&|it| CostClass::of(it) == class);
            scaled(share_of_samples(samples, infer_samples), infer_share)
        };
        Cost { class, share, time_ns: share.value * plain_ns }
    });
    let parts = Class::ALL.into_iter().filter_map(|class| {
        let samples = count(&|it| it == class);
        let share_of_infer = share_of_samples(samples, infer_samples);
        let share = share_of_infer.value * infer_share;
        let top = places.iter().filter(|it| in_infer(it) && it.class == class).take(TOP);
        let top = top.cloned().collect();
        let time_ns = share * plain_ns;
        (samples > 0).then_some(Part { class, samples, share_of_infer, share, time_ns, top })
    });
    let parts = parts.collect();
    let profiled = steady.iter().filter_map(|it| Some(it.samples.profiled_ns.as_ref()?.median()));
    let profiled_ns = median(profiled.collect());
    let taken = || {
        steady.iter().filter_map(|launch| match &launch.served.profile {
            Some(Profiled::Taken(taken)) => Some(taken),
            Some(Profiled::Impossible { .. }) | None => None,
        })
    };
    let (own, other) =
        taken().fold((0, 0), |(own, other), it| (own + it.own_cpu_ns, other + it.other_cpu_ns));
    let nameless: BTreeSet<String> = taken().flat_map(|it| it.nameless.iter().cloned()).collect();
    Attribution {
        costs: costs.to_vec(),
        parts,
        infer_samples,
        perturbation_share: profiled_ns.filter(|_| plain_ns > 0.0).map(|it| it / plain_ns - 1.0),
        sampler_share: median(steady.iter().filter_map(|it| it.samples.sampler_share).collect()),
        lost: taken().map(|it| it.lost).sum(),
        other_threads_share: if own > 0 { other as f64 / own as f64 } else { 0.0 },
        nameless: nameless.into_iter().collect(),
        places,
    }
}

/// A share of a part as one of the whole, of which the part is `of`.
fn scaled(share: Estimate, of: f64) -> Estimate {
    let interval = share.interval.map(|it| crate::statistics::Interval {
        low: it.low * of,
        high: it.high * of,
        ..it
    });
    Estimate { value: share.value * of, interval }
}
