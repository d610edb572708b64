//! Checks of jobs that are served: cold starts, passes, responses.

use std::time::Duration;

use wasmfit_protocol::{
    Boundary, ColdPhase, Event, Pass, Profiled, RequestPhase, Sample, Stretch, Versions,
    read_profile,
};

use super::conversation::Conversation;
use super::endings::instead;
use super::files::{by_request, read_samples, responses, samples, wall_ns};
use super::trials::{LEAST, MOST, STEADY, Subject, Trial};
use super::workloads::{PACKAGE, checksum};
use super::{Objection, ensure};

/// What a cold start's phases may leave of it beside a half: a busy machine
/// takes the processor away between phases too, and reports show what is left.
const UNACCOUNTED_NS: u64 = 50_000_000;

/// What they may be more than it: each end is read by itself.
const OVERLAP_NS: u64 = 5_000_000;

/// Reading the processor's clock takes time of its own, and a tick may pass.
const CPU_SLACK_NS: u64 = 1_000_000;

/// A pass is too short below this share of its budget: a runner may count what
/// passes between requests, of which no sample tells, and on a busy machine
/// that is most of it.
const SHORTEST_SHARE: u64 = 10;

/// How much longer than its budget a pass may take: ten times, and this.
const OVERTIME_NS: u64 = 5_000_000_000;

pub(super) fn starts_cold(subject: &Subject<'_>) -> Result<(), Objection> {
    let conversation = subject.hear(Trial::Cold)?;
    if !matches!(conversation.last(), Some(Event::Served(_))) {
        return Err(instead(&conversation));
    }
    let responses = responses(&conversation).map_err(Objection::Broken)?;
    ensure(responses.len() == 1, || format!("it left {} responses", responses.len()))?;
    // Whether they read at all is for the job that samples.
    let samples = read_samples(&conversation).unwrap_or_default();
    let other = samples.iter().find(|sample| sample.pass != Pass::Cold);
    ensure(other.is_none(), || {
        let pass = other.map_or("", |sample| sample.pass.name());
        format!("it left samples of the {pass} pass")
    })
}

pub(super) fn orders_cold_phases(subject: &Subject<'_>) -> Result<(), Objection> {
    let (conversation, _) = subject.served(Trial::Cold)?;
    let rise = |phases: &[ColdPhase]| phases.is_sorted_by(|one, next| one < next);
    let names = |phases: &[ColdPhase]| {
        phases.iter().map(|phase| phase.name()).collect::<Vec<_>>().join(", ")
    };
    let began: Vec<ColdPhase> = conversation
        .events()
        .filter_map(|event| match event {
            Event::Began { phase } => Some(*phase),
            _ => None,
        })
        .collect();
    ensure(rise(&began), || format!("began is told of {}", names(&began)))?;
    let timed = cold_rows(&conversation)?;
    let timed: Vec<ColdPhase> = timed.into_iter().map(|(phase, _)| phase).collect();
    ensure(rise(&timed), || format!("samples.csv has {}", names(&timed)))?;
    ensure(timed.last() == Some(&ColdPhase::FirstRequest), || {
        format!("samples.csv has {}, and no first-request", names(&timed))
    })
}

fn cold_rows(conversation: &Conversation) -> Result<Vec<(ColdPhase, u64)>, Objection> {
    let rows = samples(conversation)?.into_iter().filter_map(|sample| match sample.stretch {
        Stretch::Cold(phase) => Some((phase, sample.wall_ns)),
        Stretch::Request | Stretch::Part(_) => None,
    });
    Ok(rows.collect())
}

pub(super) fn accounts_for_the_cold_start(subject: &Subject<'_>) -> Result<(), Objection> {
    let (conversation, served) = subject.served(Trial::Cold)?;
    let phases_ns: u64 = cold_rows(&conversation)?.into_iter().map(|(_, ns)| ns).sum();
    let told_ns = served.cold_start_ns;
    let milliseconds = |ns: u64| format!("{:.1} ms", Duration::from_nanos(ns).as_secs_f64() * 1e3);
    ensure(told_ns <= conversation.told_after_ns, || {
        let life = milliseconds(conversation.told_after_ns);
        format!("cold_start_ns is {}, and the last event came after {life}", milliseconds(told_ns))
    })?;
    let least_ns = (told_ns / 2).saturating_sub(UNACCOUNTED_NS);
    ensure((least_ns..=told_ns + OVERLAP_NS).contains(&phases_ns), || {
        let (told, phases) = (milliseconds(told_ns), milliseconds(phases_ns));
        format!("cold_start_ns is {told}, and its phases take {phases}")
    })
}

pub(super) fn answers_the_same_again(subject: &Subject<'_>) -> Result<(), Objection> {
    let (first, _) = subject.served(Trial::Cold)?;
    let (again, _) = subject.served(Trial::ColdAgain)?;
    let read = |conversation: &Conversation| {
        responses(conversation).map_err(|_| Objection::NotTried("its responses do not read".into()))
    };
    ensure(read(&first)? == read(&again)?, || "the responses of two launches differ".into())
}

pub(super) fn measures(subject: &Subject<'_>) -> Result<(), Objection> {
    let conversation = subject.hear(Trial::Steady)?;
    match conversation.last() {
        Some(Event::Served(_)) => Ok(()),
        _ => Err(instead(&conversation)),
    }
}

pub(super) fn tells_versions(subject: &Subject<'_>) -> Result<(), Objection> {
    let (conversation, _) = subject.served(Trial::Steady)?;
    let told: Vec<&Versions> = conversation
        .events()
        .filter_map(|event| match event {
            Event::Versions(versions) => Some(versions),
            _ => None,
        })
        .collect();
    let [versions] = told[..] else {
        return Err(Objection::Broken(format!("versions are told {} times", told.len())));
    };
    ensure(!versions.python.is_empty(), || "python is empty".into())?;
    let names: Vec<&String> = versions.packages.keys().collect();
    ensure(names == [PACKAGE], || format!("asked for {PACKAGE}, it tells {names:?}"))
}

pub(super) fn writes_samples(subject: &Subject<'_>) -> Result<(), Objection> {
    let (conversation, _) = subject.served(Trial::Steady)?;
    let samples = read_samples(&conversation).map_err(Objection::Broken)?;
    let fits = |sample: &Sample| match sample.pass {
        Pass::Cold => matches!(sample.stretch, Stretch::Cold(_)),
        Pass::Warmup | Pass::Plain => sample.stretch == Stretch::Request,
        Pass::Phase | Pass::Profile => matches!(sample.stretch, Stretch::Part(_)),
    };
    let misfit = samples.iter().find(|sample| !fits(sample));
    ensure(misfit.is_none(), || {
        let row = misfit.map(|sample| sample.to_row().join(",")).unwrap_or_default();
        format!("the row {row} has a phase that its pass does not have")
    })
}

/// The rows of the job that samples by time.
fn steady(subject: &Subject<'_>) -> Result<Vec<Sample>, Objection> {
    samples(&subject.served(Trial::Steady)?.0)
}

pub(super) fn serves_in_turn(subject: &Subject<'_>) -> Result<(), Objection> {
    let rows = steady(subject)?;
    let count = Trial::Steady.requests().len();
    for pass in [Pass::Warmup, Pass::Plain, Pass::Phase, Pass::Profile] {
        for (position, parts) in by_request(&rows, pass).iter().enumerate() {
            let pass = pass.name();
            for Sample { index, request, .. } in parts {
                ensure(*index as usize == position, || {
                    format!("{pass} pass: index {index} comes where {position} is due")
                })?;
                let due = position % count;
                ensure(*request as usize == due, || {
                    format!("{pass} pass: index {index} is request {request}, not {due}")
                })?;
            }
        }
    }
    Ok(())
}

pub(super) fn times_plausibly(subject: &Subject<'_>) -> Result<(), Objection> {
    // Of one thread, or of a process whose guest and host are two.
    let boundary = subject.guest.as_ref().map(|guest| guest.boundary);
    let is_one_thread =
        subject.is_native() || matches!(boundary, Some(Boundary::HostCall | Boundary::NamedCall));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let threads = if is_one_thread { 1 } else { threads };
    for sample in steady(subject)? {
        let row = || sample.to_row().join(",");
        // A phase may be shorter than a tick of the guest's clock.
        let is_whole = !matches!(sample.stretch, Stretch::Part(_));
        ensure(sample.wall_ns > 0 || !is_whole, || format!("{} takes no time", row()))?;
        // Where `spawn` ends is the harness's reading, which a busy machine
        // delays: the processor's time is then another phase's.
        let is_cold = sample.pass == Pass::Cold;
        ensure(is_cold || fits(&[sample], threads), || {
            format!("{} takes more processor time than there was", row())
        })?;
    }
    let cold: Vec<Sample> =
        steady(subject)?.into_iter().filter(|sample| sample.pass == Pass::Cold).collect();
    ensure(fits(&cold, threads), || {
        "the cold start takes more processor time than there was".into()
    })
}

/// Whether samples took no more processor time than `threads` could.
fn fits(samples: &[Sample], threads: u64) -> bool {
    let cpu_ns: u64 = samples.iter().filter_map(|sample| sample.cpu_ns).sum();
    let wall_ns: u64 = samples.iter().map(|sample| sample.wall_ns).sum();
    cpu_ns <= wall_ns.saturating_mul(threads).saturating_add(CPU_SLACK_NS)
}

pub(super) fn warms_up(subject: &Subject<'_>) -> Result<(), Objection> {
    let (_, served) = subject.served(Trial::Steady)?;
    let rows = by_request(&steady(subject)?, Pass::Warmup);
    let count = Trial::Steady.requests().len();
    ensure(rows.len() >= count, || format!("it has {} of {count} requests", rows.len()))?;
    ensure(served.warmup_requests as usize == rows.len(), || {
        format!("warmup_requests is {}, and there are {}", served.warmup_requests, rows.len())
    })
}

/// Whether a pass that ends by its time keeps to it.
fn keeps_budget(requests: &[Vec<Sample>], budget_ns: u64) -> Result<(), Objection> {
    let (least, most) = (STEADY.least_requests as usize, STEADY.most_requests as usize);
    let count = requests.len();
    ensure((least..=most).contains(&count), || {
        format!("it serves {count} requests, where {least} to {most} are asked for")
    })?;
    let (took_ns, budget) = (wall_ns(requests), Duration::from_nanos(budget_ns));
    let took = Duration::from_nanos(took_ns);
    ensure(took_ns >= budget_ns / SHORTEST_SHARE || count == most, || {
        format!("it ends after {took:.1?} of {budget:?} and {count} requests")
    })?;
    ensure(took_ns <= budget_ns * 10 + OVERTIME_NS, || {
        format!("it takes {took:.1?}, where {budget:?} are asked for")
    })
}

pub(super) fn samples_plainly(subject: &Subject<'_>) -> Result<(), Objection> {
    keeps_budget(&by_request(&steady(subject)?, Pass::Plain), STEADY.plain_ns)
}

pub(super) fn samples_phases(subject: &Subject<'_>) -> Result<(), Objection> {
    let requests = by_request(&steady(subject)?, Pass::Phase);
    if requests.is_empty() {
        let reason = "it has no phase pass, so reports have no phases for it";
        return Err(Objection::NotTried(reason.into()));
    }
    let whole = RequestPhase::ALL.map(Stretch::Part);
    for parts in &requests {
        let index = parts.first().map_or(0, |part| part.index);
        ensure(parts.iter().map(|part| part.stretch).eq(whole), || {
            let names: Vec<&str> = parts.iter().map(|part| part.stretch.name()).collect();
            format!("index {index} has {}", names.join(", "))
        })?;
        let took_time = parts.iter().any(|part| part.wall_ns > 0);
        ensure(took_time, || format!("index {index} takes no time"))?;
    }
    keeps_budget(&requests, STEADY.phase_ns)
}

pub(super) fn profiles(subject: &Subject<'_>) -> Result<(), Objection> {
    let (conversation, served) = subject.served(Trial::Steady)?;
    let taken = match served.profile {
        None => return Err(Objection::NotTried("it has no sampler".into())),
        Some(Profiled::Impossible { reason }) => {
            return ensure(!reason.trim().is_empty(), || {
                "a profile is impossible, and no reason is told".into()
            });
        }
        Some(Profiled::Taken(taken)) => taken,
    };
    let path = conversation.scratch.join("profile.jsonl");
    let rows = read_profile(&path).map_err(|error| Objection::Broken(error.to_string()))?;
    let found: u64 = rows.iter().map(|row| row.count).sum();
    ensure(found == taken.samples, || {
        format!("profile.jsonl has {found} samples, and {} are told", taken.samples)
    })?;
    let count = Trial::Steady.requests().len();
    let stray = rows.iter().find(|row| row.request as usize >= count || row.places.is_empty());
    ensure(stray.is_none(), || {
        let request = stray.map_or(0, |row| row.request);
        format!("a row of request {request} is of none of the {count} requests, or of no place")
    })
}

/// How many requests each sampled pass of a job served; the phase pass only
/// where there is one.
fn served_counts(
    subject: &Subject<'_>,
    trial: Trial,
) -> Result<Vec<(&'static str, usize)>, Objection> {
    let (conversation, _) = subject.served(trial)?;
    let rows = samples(&conversation)?;
    let count = |pass: Pass| (pass.name(), by_request(&rows, pass).len());
    let phase = Some(count(Pass::Phase)).filter(|(_, requests)| *requests > 0);
    Ok([count(Pass::Plain)].into_iter().chain(phase).collect())
}

pub(super) fn serves_the_least(subject: &Subject<'_>) -> Result<(), Objection> {
    for (pass, count) in served_counts(subject, Trial::Least)? {
        ensure(count >= LEAST as usize, || {
            format!("the {pass} pass serves {count}, where {LEAST} are the least")
        })?;
    }
    Ok(())
}

pub(super) fn serves_no_more_than_the_most(subject: &Subject<'_>) -> Result<(), Objection> {
    for (pass, count) in served_counts(subject, Trial::Most)? {
        ensure(count == MOST as usize, || {
            format!("the {pass} pass serves {count}, where {MOST} end it long before its time")
        })?;
    }
    Ok(())
}

/// Whether a job's responses are those of its requests.
fn has_answered(subject: &Subject<'_>, trial: Trial) -> Result<(), Objection> {
    let (conversation, _) = subject.served(trial)?;
    let responses = responses(&conversation).map_err(Objection::Broken)?;
    let requests = trial.requests();
    ensure(responses.len() == requests.len(), || {
        format!("there are {} responses to {} requests", responses.len(), requests.len())
    })?;
    let wrong = requests
        .iter()
        .zip(&responses)
        .position(|(request, response)| checksum(request) != *response);
    ensure(wrong.is_none(), || {
        let wrong = wrong.unwrap_or_default();
        let length = responses.get(wrong).map_or(0, Vec::len);
        format!("the response to request {wrong}, of {length} bytes, is not what it has to be")
    })
}

pub(super) fn responds(subject: &Subject<'_>) -> Result<(), Objection> {
    has_answered(subject, Trial::Steady)
}

pub(super) fn tells_its_footprint(subject: &Subject<'_>) -> Result<(), Objection> {
    let (_, served) = subject.served(Trial::Steady)?;
    let peak = served.peak_resident_bytes;
    ensure(peak > 0, || "peak_resident_bytes is 0".into())?;
    ensure(served.runner_bytes <= peak, || {
        format!("runner_bytes is {}, of {peak} in all", served.runner_bytes)
    })
}

/// An unusual size, of which nothing is found out where usual ones go wrong.
fn carries(subject: &Subject<'_>, trial: Trial) -> Result<(), Objection> {
    if has_answered(subject, Trial::Steady).is_err() {
        return Err(Objection::NotTried("other requests are not answered either".into()));
    }
    let conversation = subject.hear(trial)?;
    match conversation.last() {
        Some(Event::Served(_)) => has_answered(subject, trial),
        _ => Err(instead(&conversation)),
    }
}

pub(super) fn carries_much(subject: &Subject<'_>) -> Result<(), Objection> {
    carries(subject, Trial::Large)
}

pub(super) fn carries_nothing(subject: &Subject<'_>) -> Result<(), Objection> {
    carries(subject, Trial::Empty)
}
