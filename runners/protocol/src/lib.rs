#![doc = include_str!("../README.md")]

mod clock;
mod digest;
mod event;
mod frames;
mod job;
mod profile;
mod sample;
mod tier;

pub use clock::monotonic_ns;
pub use digest::{file_sha256, sha256};
pub use event::{
    Artifact, ColdPhase, Event, Failure, FailureKind, Hello, Page, Pass, RandomState, RequestPhase,
    Served, Versions,
};
pub use frames::{FramesError, FramesReader, FramesWriter};
pub use job::{
    Boundary, GuestFiles, Injection, InjectionPlace, Interpreter, Job, Limits, Profiling, Sampling,
    Start, Task, Workload,
};
pub use profile::{Place, ProfileError, ProfileRow, Profiled, Taken, read_profile, write_profile};
pub use sample::{SAMPLE_COLUMNS, Sample, Stretch};
pub use tier::{Execution, Limit, LimitKind, Proposal, Refusal, Refused, Tier};

/// The protocol's version. A runner that reads another one in a job answers
/// with [`FailureKind::Protocol`] and ends.
pub const VERSION: u32 = 2;

/// Exit code of a runner that told its failure as an event. Any other
/// non-zero code means that it could not.
pub const EXIT_FAILED: u8 = 3;
