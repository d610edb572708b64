//! The list of checks, in the order in which they are tried.

use super::{Check, endings, limits, serving};

/// Every check. Names are those of `docs/runners.md`.
pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "describe",
        asks: "a describe job ends with the tiers, each of a name of its own; natively there are none",
        probe: endings::describes_itself,
    },
    Check {
        name: "hello",
        asks: "hello comes first, once, and with the protocol's version",
        probe: endings::says_hello,
    },
    Check {
        name: "later-version",
        asks: "a job of another protocol version ends as failed, of kind protocol",
        probe: endings::refuses_a_later_version,
    },
    Check {
        name: "no-job",
        asks: "a line that is no job ends as failed, or with another exit code than 0, and soon",
        probe: endings::refuses_what_is_no_job,
    },
    Check {
        name: "prepare",
        asks: "a prepare job ends with the artifact, or with null where nothing is compiled",
        probe: endings::prepares,
    },
    Check {
        name: "prepare-again",
        asks: "prepared a second time, the artifact is the same, and found rather than made",
        probe: endings::prepares_again,
    },
    Check {
        name: "cold-start",
        asks: "a job without sampling serves the first request, and nothing else",
        probe: serving::starts_cold,
    },
    Check {
        name: "unknown-tier",
        asks: "a job for a tier that the runner does not have ends as failed",
        probe: endings::refuses_an_unknown_tier,
    },
    Check {
        name: "cold-phases",
        asks: "the phases of a cold start come in order, each once, the first request last",
        probe: serving::orders_cold_phases,
    },
    Check {
        name: "cold-time",
        asks: "cold_start_ns is what its phases make up, and within the process's life",
        probe: serving::accounts_for_the_cold_start,
    },
    Check {
        name: "same-again",
        asks: "two launches give the same response",
        probe: serving::answers_the_same_again,
    },
    Check { name: "measure", asks: "a job with sampling ends as served", probe: serving::measures },
    Check {
        name: "versions",
        asks: "versions of the interpreter and of each package named are told before sampling",
        probe: serving::tells_versions,
    },
    Check {
        name: "samples",
        asks: "samples.csv has its columns, and rows of what was asked for",
        probe: serving::writes_samples,
    },
    Check {
        name: "order",
        asks: "indices of a pass rise from 0, and requests come in turn from the first",
        probe: serving::serves_in_turn,
    },
    Check {
        name: "times",
        asks: "wall times are above 0, and processor times within them",
        probe: serving::times_plausibly,
    },
    Check {
        name: "warm-up",
        asks: "warm-up serves every request, and warmup_requests is how many it served",
        probe: serving::warms_up,
    },
    Check {
        name: "plain-pass",
        asks: "the plain pass uses its time, and serves between least and most requests",
        probe: serving::samples_plainly,
    },
    Check {
        name: "phase-pass",
        asks: "the phase pass has all five phases of each request",
        probe: serving::samples_phases,
    },
    Check {
        name: "profile-pass",
        asks: "a profile is taken, and readable, or impossible, with a reason",
        probe: serving::profiles,
    },
    Check {
        name: "least-requests",
        asks: "a pass serves least_requests, whatever its time",
        probe: serving::serves_the_least,
    },
    Check {
        name: "most-requests",
        asks: "a pass serves no more than most_requests, whatever its time",
        probe: serving::serves_no_more_than_the_most,
    },
    Check {
        name: "responses",
        asks: "responses.frames holds one response per request, in order, and the right bytes",
        probe: serving::responds,
    },
    Check {
        name: "footprint",
        asks: "peak_resident_bytes is told, and runner_bytes is within it",
        probe: serving::tells_its_footprint,
    },
    Check {
        name: "large-request",
        asks: "a request of 8 MiB is answered by as much",
        probe: serving::carries_much,
    },
    Check {
        name: "empty-request",
        asks: "an empty request is answered by an empty response",
        probe: serving::carries_nothing,
    },
    Check {
        name: "raises-in-import",
        asks: "what the workload raises at import is told as raised, with the traceback and where",
        probe: limits::tells_what_import_raises,
    },
    Check {
        name: "raises-in-load",
        asks: "what load raises is told as raised, with the traceback and where",
        probe: limits::tells_what_load_raises,
    },
    Check {
        name: "raises-in-infer",
        asks: "what infer raises is told as raised, with the traceback and where",
        probe: limits::tells_what_infer_raises,
    },
    Check {
        name: "missing-function",
        asks: "a workload that lacks a function ends as failed, of kind contract",
        probe: limits::misses_a_function,
    },
    Check {
        name: "unsteady",
        asks: "a response that differs from the first to the same request ends as failed, of kind unsteady",
        probe: limits::notices_unsteady_responses,
    },
    Check {
        name: "printing",
        asks: "what a workload prints is told in printed, and never taken for an event",
        probe: limits::keeps_prints_apart,
    },
    Check {
        name: "output-limit",
        asks: "a workload that prints more than output_bytes ends as failed, of kind output",
        probe: limits::limits_output,
    },
    Check {
        name: "wall-limit",
        asks: "a workload that never answers ends as failed, of kind timeout, at wall_ns",
        probe: limits::limits_time,
    },
    Check {
        name: "memory-limit",
        asks: "a workload that takes more than memory_bytes ends as failed, of kind memory",
        probe: limits::limits_memory,
    },
    Check {
        name: "standard-output",
        asks: "standard output holds events and nothing else",
        probe: endings::writes_events_only,
    },
    Check {
        name: "last-event",
        asks: "every job ends with a last event, and nothing after it",
        probe: endings::ends_with_one_last_event,
    },
    Check {
        name: "exit",
        asks: "the process ends by itself after its last event, with 0, or 3 after failed",
        probe: endings::exits,
    },
    Check {
        name: "nothing-left",
        asks: "no process of the runner's group outlives it",
        probe: endings::leaves_nothing_behind,
    },
];
