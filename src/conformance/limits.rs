//! Checks with workloads that misbehave: each ends as the failure that it is.

use std::time::Duration;

use wasmfit_protocol::{Event, Failure, FailureKind};

use super::endings::{in_words, kind_name, without_last};
use super::trials::{LOOP_LIMIT, Subject, Trial};
use super::{Objection, ensure};
use crate::drive::GRACE;

/// The failure that a job ended with, which has to be of `kind`.
fn failure(subject: &Subject<'_>, trial: Trial, kind: FailureKind) -> Result<Failure, Objection> {
    let conversation = subject.hear(trial)?;
    match conversation.last() {
        Some(Event::Failed(failure)) if failure.kind == kind => Ok(failure.clone()),
        Some(event) => {
            let (event, kind) = (in_words(event), kind_name(kind));
            Err(Objection::Broken(format!("it ended with {event}, and not as failed, kind {kind}")))
        }
        None => Err(Objection::Broken(without_last(&conversation))),
    }
}

/// A workload that raises `text`, in one of `places`.
fn tells_what_is_raised(
    subject: &Subject<'_>,
    trial: Trial,
    text: &str,
    places: &[&str],
) -> Result<(), Objection> {
    let Failure { during, message, detail, .. } = failure(subject, trial, FailureKind::Raised)?;
    let traces = detail.contains("Traceback") && detail.contains(text);
    ensure(traces, || format!("its detail is no traceback of what was raised: {detail:?}"))?;
    let tells = message.contains(text) && !message.contains('\n');
    ensure(tells, || format!("its message does not say in one line what was raised: {message:?}"))?;
    let names = places.iter().any(|place| during.contains(place));
    ensure(names, || format!("during is {during:?}, and names no {}", places.join(" or ")))
}

pub(super) fn tells_what_import_raises(subject: &Subject<'_>) -> Result<(), Objection> {
    tells_what_is_raised(subject, Trial::RaisesInImport, "raised in import", &["import"])
}

pub(super) fn tells_what_load_raises(subject: &Subject<'_>) -> Result<(), Objection> {
    tells_what_is_raised(subject, Trial::RaisesInLoad, "raised in load", &["load"])
}

pub(super) fn tells_what_infer_raises(subject: &Subject<'_>) -> Result<(), Objection> {
    let places = ["infer", "first-request"];
    tells_what_is_raised(subject, Trial::RaisesInInfer, "raised in infer", &places)
}

pub(super) fn misses_a_function(subject: &Subject<'_>) -> Result<(), Objection> {
    failure(subject, Trial::LacksInfer, FailureKind::Contract).map(|_| ())
}

pub(super) fn notices_unsteady_responses(subject: &Subject<'_>) -> Result<(), Objection> {
    failure(subject, Trial::Unsteady, FailureKind::Unsteady).map(|_| ())
}

pub(super) fn keeps_prints_apart(subject: &Subject<'_>) -> Result<(), Objection> {
    let conversation = subject.hear(Trial::Prints)?;
    let other = conversation.lines.iter().find_map(|line| line.other());
    ensure(other.is_none(), || {
        format!("what was printed came out among the events: {:?}", other.unwrap_or_default())
    })?;
    let hellos = conversation.events().filter(|event| matches!(event, Event::Hello(_)));
    let believed = hellos.into_iter().any(
        |event| matches!(event, Event::Hello(hello) if hello.runtime == "x" && hello.protocol == 0),
    );
    ensure(!believed, || "an event that the workload printed came out as the runner's".into())?;
    match conversation.last() {
        Some(Event::Served(served)) => ensure(served.printed.contains("printed in infer"), || {
            format!("printed is {:?}", served.printed)
        }),
        Some(event) => Err(Objection::Broken(format!("it ended with {}", in_words(event)))),
        None => Err(Objection::Broken(without_last(&conversation))),
    }
}

pub(super) fn limits_output(subject: &Subject<'_>) -> Result<(), Objection> {
    failure(subject, Trial::Floods, FailureKind::Output).map(|_| ())
}

pub(super) fn limits_time(subject: &Subject<'_>) -> Result<(), Objection> {
    failure(subject, Trial::Loops, FailureKind::Timeout)?;
    let told_after = Duration::from_nanos(subject.hear(Trial::Loops)?.told_after_ns);
    ensure(told_after <= LOOP_LIMIT + GRACE, || {
        format!("with a limit of {LOOP_LIMIT:?} it told so after {told_after:.1?}")
    })
}

pub(super) fn limits_memory(subject: &Subject<'_>) -> Result<(), Objection> {
    failure(subject, Trial::Hoards, FailureKind::Memory).map(|_| ())
}
