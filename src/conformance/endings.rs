//! Checks of the conversation itself: how it begins, what is refused, how it
//! ends.

use wasmfit_protocol::{Artifact, EXIT_FAILED, Event, Failure, FailureKind, Hello, VERSION};

use super::conversation::{Conversation, End, is_last};
use super::trials::{Subject, Trial};
use super::{Objection, ensure};

/// What a runner did instead of what it was asked for; that there was no last
/// event at all is for [`ends_with_one_last_event`].
pub(super) fn instead(conversation: &Conversation) -> Objection {
    match conversation.last() {
        Some(event) => Objection::Broken(format!("it ended with {}", in_words(event))),
        None => Objection::NotTried("its job had no last event".into()),
    }
}

/// An event as reasons name it.
pub(super) fn in_words(event: &Event) -> String {
    match event {
        Event::Hello(_) => "hello".into(),
        Event::Began { phase } => format!("began of {}", phase.name()),
        Event::Described { .. } => "described".into(),
        Event::Prepared { .. } => "prepared".into(),
        Event::RequestsMade { .. } => "requests-made".into(),
        Event::SnapshotMade { .. } => "snapshot-made".into(),
        Event::Covered { .. } => "covered".into(),
        Event::Versions(_) => "versions".into(),
        Event::Served(_) => "served".into(),
        Event::Failed(Failure { kind, during, message, .. }) => {
            format!("failed, kind {}, during {during:?}: {message}", kind_name(*kind))
        }
    }
}

/// A kind of failure as it stands on the wire.
pub(super) fn kind_name(kind: FailureKind) -> String {
    let value = serde_json::to_value(kind).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn describes_itself(subject: &Subject<'_>) -> Result<(), Objection> {
    let conversation = subject.hear(Trial::Describe)?;
    let Some(Event::Described { tiers }) = conversation.last() else {
        return Err(instead(&conversation));
    };
    let names: Vec<&str> = tiers.iter().map(|tier| &*tier.name).collect();
    if subject.is_native() {
        return ensure(names.is_empty(), || format!("natively it tells tiers {names:?}"));
    }
    ensure(!names.is_empty(), || "it tells no tier".into())?;
    ensure(names.iter().all(|name| !name.is_empty()), || "a tier has no name".into())?;
    let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
    ensure(twice.is_none(), || format!("two tiers have one name, among {names:?}"))
}

pub(super) fn says_hello(subject: &Subject<'_>) -> Result<(), Objection> {
    let trials = [Trial::Describe, Trial::Prepare, Trial::Cold, Trial::Steady];
    let mut tried = false;
    for trial in trials.into_iter().filter(|it| *it != Trial::Prepare || subject.prepares()) {
        let Ok(conversation) = subject.hear(trial) else { continue };
        let job = trial.in_words();
        let first = conversation.events().next();
        // A job may fail before anything else is known.
        if matches!(first, None | Some(Event::Failed(_))) {
            continue;
        }
        tried = true;
        let Some(Event::Hello(Hello { protocol, .. })) = first else {
            let first = first.map(in_words).unwrap_or_default();
            return Err(Objection::Broken(format!("{job}: {first} comes first")));
        };
        ensure(*protocol == VERSION, || {
            format!("{job}: it says protocol {protocol}, and answers a job of protocol {VERSION}")
        })?;
        let count = conversation.events().filter(|it| matches!(it, Event::Hello(_))).count();
        ensure(count == 1, || format!("{job}: it says hello {count} times"))?;
    }
    if tried { Ok(()) } else { Err(Objection::NotTried("no job got as far".into())) }
}

pub(super) fn refuses_a_later_version(subject: &Subject<'_>) -> Result<(), Objection> {
    let conversation = subject.hear(Trial::LaterVersion)?;
    match conversation.last() {
        Some(Event::Failed(failure)) if failure.kind == FailureKind::Protocol => Ok(()),
        Some(event) => Err(Objection::Broken(format!("it ended with {}", in_words(event)))),
        None => Err(Objection::Broken(without_last(&conversation))),
    }
}

pub(super) fn refuses_what_is_no_job(subject: &Subject<'_>) -> Result<(), Objection> {
    let conversation = subject.hear(Trial::NoJob)?;
    match (conversation.last(), &conversation.end) {
        (Some(Event::Failed(_)), _) => Ok(()),
        (Some(event), _) => Err(Objection::Broken(format!("it ended with {}", in_words(event)))),
        (None, End::Exited { code }) if *code != 0 => Ok(()),
        (None, _) => Err(Objection::Broken(without_last(&conversation))),
    }
}

pub(super) fn refuses_an_unknown_tier(subject: &Subject<'_>) -> Result<(), Objection> {
    if subject.is_native() {
        return Err(Objection::NotTried("natively there are no tiers".into()));
    }
    let conversation = subject.hear(Trial::UnknownTier)?;
    match conversation.last() {
        Some(Event::Failed(_)) => Ok(()),
        Some(event) => Err(Objection::Broken(format!("it ended with {}", in_words(event)))),
        None => Err(Objection::Broken(without_last(&conversation))),
    }
}

pub(super) fn prepares(subject: &Subject<'_>) -> Result<(), Objection> {
    prepared(subject, Trial::Prepare).map(|_| ())
}

pub(super) fn prepares_again(subject: &Subject<'_>) -> Result<(), Objection> {
    let not_prepared = |objection| match objection {
        // Of which the first one tells.
        Objection::Broken(_) => Objection::NotTried("its guest is not prepared".into()),
        Objection::NotTried(_) => objection,
    };
    let first = prepared(subject, Trial::Prepare).map_err(not_prepared)?;
    let Some(first) = first else {
        return Err(Objection::NotTried("it compiles nothing".into()));
    };
    let Some(again) = prepared(subject, Trial::PrepareAgain)? else {
        return Err(Objection::Broken("there is no artifact the second time".into()));
    };
    ensure(again.cached, || "it was made again: cached is false".into())?;
    let same = (&first.sha256, first.bytes) == (&again.sha256, again.bytes);
    ensure(same, || {
        format!(
            "the first has {} bytes and SHA-256 {}, the second {} and {}",
            first.bytes, first.sha256, again.bytes, again.sha256
        )
    })
}

fn prepared(subject: &Subject<'_>, trial: Trial) -> Result<Option<Artifact>, Objection> {
    if !subject.prepares() {
        let reason = "it is given no guest, so wasmfit has nothing prepared";
        return Err(Objection::NotTried(reason.into()));
    }
    let conversation = subject.hear(trial)?;
    match conversation.last() {
        Some(Event::Prepared { artifact }) => Ok(artifact.clone()),
        _ => Err(instead(&conversation)),
    }
}

/// Workloads that print have a check of their own.
pub(super) fn writes_events_only(subject: &Subject<'_>) -> Result<(), Objection> {
    for (trial, conversation) in subject.all_heard() {
        if matches!(trial, Trial::Prints | Trial::Floods) {
            continue;
        }
        let other = conversation.lines.iter().find_map(|line| line.other());
        if let Some(text) = other {
            let job = trial.in_words();
            return Err(Objection::Broken(format!("{job}: it wrote {text:?}")));
        }
    }
    Ok(())
}

/// Of jobs that are to go well; those that are to fail have checks of their
/// own.
pub(super) fn ends_with_one_last_event(subject: &Subject<'_>) -> Result<(), Objection> {
    for (trial, conversation) in subject.all_heard() {
        let job = trial.in_words();
        if conversation.last().is_none() {
            if trial.is_to_go_well() {
                return Err(Objection::Broken(format!("{job}: {}", without_last(&conversation))));
            }
            continue;
        }
        let behind = conversation.events().skip_while(|event| !is_last(event)).nth(1);
        if let Some(event) = behind {
            let event = in_words(event);
            return Err(Objection::Broken(format!("{job}: {event} comes after the last event")));
        }
    }
    Ok(())
}

pub(super) fn exits(subject: &Subject<'_>) -> Result<(), Objection> {
    for (trial, conversation) in subject.all_heard() {
        let Some(last) = conversation.last() else { continue };
        let failed = matches!(last, Event::Failed(_));
        let expected = if failed { i32::from(EXIT_FAILED) } else { 0 };
        let (job, event) = (trial.in_words(), if failed { "failed" } else { "its last event" });
        match &conversation.end {
            End::Exited { code } if *code == expected => {}
            end => {
                let end = end.in_words();
                let reason = format!("{job}: after {event} it {end}, where {expected} is due");
                return Err(Objection::Broken(reason));
            }
        }
    }
    Ok(())
}

pub(super) fn leaves_nothing_behind(subject: &Subject<'_>) -> Result<(), Objection> {
    for (trial, conversation) in subject.all_heard() {
        let left = &conversation.left_behind;
        ensure(left.is_empty(), || {
            format!("{}: it left {} running", trial.in_words(), left.join(", "))
        })?;
    }
    Ok(())
}

/// How a process ended that told no last event.
pub(super) fn without_last(conversation: &Conversation) -> String {
    let said = conversation.errors.lines().last().map(str::trim).filter(|line| !line.is_empty());
    let said = said.map(|line| format!(", saying {line:?}")).unwrap_or_default();
    format!("without a last event it {}{said}", conversation.end.in_words())
}
