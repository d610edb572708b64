//! The jobs that a runner is tried with. Each is handed over once, when a
//! check first asks for it; several checks may look at one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use wasmfit_protocol::{
    Event, FramesWriter, GuestFiles, Hello, Limits, Profiling, Sampling, Served, Task, Tier,
    VERSION,
};

use super::Objection;
use super::conversation::{Conversation, converse};
use super::workloads::{Embedded, request};
use crate::drive::{Assignment, GRACE, Interrupt, Runner};

/// A job that a runner is tried with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trial {
    /// Which tiers there are.
    Describe,
    /// A job of the protocol's next version, which looks otherwise.
    LaterVersion,
    /// A line that is no job.
    NoJob,
    /// A job for a tier that is not there.
    UnknownTier,
    /// The guest's artifact.
    Prepare,
    /// And again.
    PrepareAgain,
    /// A cold start.
    Cold,
    /// And again.
    ColdAgain,
    /// All passes, by their times.
    Steady,
    /// No time, and a least number of requests.
    Least,
    /// Much time, and at most a few requests.
    Most,
    /// A request and a response of 8 MiB.
    Large,
    /// An empty request, and an empty response.
    Empty,
    /// A workload that raises when imported.
    RaisesInImport,
    /// One that raises in `load`.
    RaisesInLoad,
    /// One that raises in `infer`.
    RaisesInInfer,
    /// One without `infer`.
    LacksInfer,
    /// One that answers the same request in two ways.
    Unsteady,
    /// One that prints.
    Prints,
    /// One that prints more than the limit.
    Floods,
    /// One that never answers.
    Loops,
    /// One that takes more memory than the limit.
    Hoards,
}

/// The limit that [`Trial::Loops`] is held to.
pub(super) const LOOP_LIMIT: Duration = Duration::from_secs(2);

/// Requests that [`Trial::Least`] asks for.
pub(super) const LEAST: u32 = 11;

/// Requests that [`Trial::Most`] allows.
pub(super) const MOST: u32 = 3;

/// The passes of [`Trial::Steady`].
pub(super) const STEADY: Sampling = Sampling {
    warmup_ns: 50_000_000,
    plain_ns: 200_000_000,
    phase_ns: 100_000_000,
    profile: Some(Profiling { wall_ns: 100_000_000, hertz: 500 }),
    inject: None,
    least_requests: 5,
    most_requests: 5000,
};

/// No time for any pass.
const BRIEF: Sampling = Sampling {
    warmup_ns: 1,
    plain_ns: 1,
    phase_ns: 1,
    profile: None,
    inject: None,
    least_requests: LEAST,
    most_requests: 5000,
};

/// More time than a few requests take.
const LONG: Sampling = Sampling {
    warmup_ns: 1,
    plain_ns: 10_000_000_000,
    phase_ns: 10_000_000_000,
    profile: None,
    inject: None,
    least_requests: 1,
    most_requests: MOST,
};

/// Limit for a job that compiles the guest: a minute here, several on a busy
/// machine.
const COMPILE_LIMIT: Duration = Duration::from_mins(30);

/// What a job may take where it is about no limit.
const ROOM: Limits = Limits { memory_bytes: 1 << 30, wall_ns: 0, output_bytes: 1 << 20 };

/// How long a runner may take over what is no job of its version.
const REFUSING: Duration = Duration::from_secs(10);

/// A tier that no runner has.
const NO_TIER: &str = "no-such-tier";

impl Trial {
    /// As reasons name it.
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::Describe => "describe job",
            Self::LaterVersion => "job of a later version",
            Self::NoJob => "line that is no job",
            Self::UnknownTier => "job of an unknown tier",
            Self::Prepare => "prepare job",
            Self::PrepareAgain => "second prepare job",
            Self::Cold => "cold start",
            Self::ColdAgain => "second cold start",
            Self::Steady => "job with sampling",
            Self::Least => "job with few requests at least",
            Self::Most => "job with few requests at most",
            Self::Large => "large request",
            Self::Empty => "empty request",
            Self::RaisesInImport => "workload that raises at import",
            Self::RaisesInLoad => "workload that raises in load",
            Self::RaisesInInfer => "workload that raises in infer",
            Self::LacksInfer => "workload without infer",
            Self::Unsteady => "unsteady workload",
            Self::Prints => "workload that prints",
            Self::Floods => "workload that prints much",
            Self::Loops => "workload that never answers",
            Self::Hoards => "workload that takes much memory",
        }
    }

    /// Whether the job is one to be done, and not one to fail at.
    pub(super) const fn is_to_go_well(self) -> bool {
        match self {
            Self::Describe
            | Self::Prepare
            | Self::PrepareAgain
            | Self::Cold
            | Self::ColdAgain
            | Self::Steady
            | Self::Least
            | Self::Most
            | Self::Large
            | Self::Empty => true,
            Self::LaterVersion
            | Self::NoJob
            | Self::UnknownTier
            | Self::RaisesInImport
            | Self::RaisesInLoad
            | Self::RaisesInInfer
            | Self::LacksInfer
            | Self::Unsteady
            | Self::Prints
            | Self::Floods
            | Self::Loops
            | Self::Hoards => false,
        }
    }

    const fn workload(self) -> Embedded {
        match self {
            Self::RaisesInImport => Embedded::RaisesInImport,
            Self::RaisesInLoad => Embedded::RaisesInLoad,
            Self::RaisesInInfer => Embedded::RaisesInInfer,
            Self::LacksInfer => Embedded::LacksInfer,
            Self::Unsteady => Embedded::Unsteady,
            Self::Prints => Embedded::Prints,
            Self::Floods => Embedded::Floods,
            Self::Loops => Embedded::Loops,
            Self::Hoards => Embedded::Hoards,
            _ => Embedded::Checksum,
        }
    }

    const fn sampling(self) -> Option<Sampling> {
        match self {
            Self::Steady => Some(STEADY),
            Self::Least | Self::Unsteady => Some(BRIEF),
            Self::Most => Some(LONG),
            _ => None,
        }
    }

    /// The requests of a measuring job. Long enough, where the passes end by
    /// their times, that what lies between requests is little beside them.
    pub(super) fn requests(self) -> Vec<Vec<u8>> {
        let lengths: &[usize] = match self {
            Self::Steady => &[1, 1000, 40_000, 70_000],
            Self::Large => &[8 << 20],
            Self::Empty => &[0],
            _ => &[7, 300, 2000],
        };
        lengths.iter().copied().map(request).collect()
    }

    /// The job that has to have gone well for this one to tell anything.
    const fn follows(self) -> Option<Self> {
        match self {
            Self::Describe | Self::LaterVersion | Self::NoJob => None,
            Self::Prepare | Self::Cold => Some(Self::Describe),
            Self::PrepareAgain => Some(Self::Prepare),
            _ => Some(Self::Cold),
        }
    }

    fn limits(self, timeout: Duration) -> Limits {
        let wall = match self {
            Self::Prepare | Self::PrepareAgain => COMPILE_LIMIT,
            Self::Loops => LOOP_LIMIT,
            _ => timeout,
        };
        let memory_bytes = match self {
            Self::Prepare | Self::PrepareAgain => u64::MAX,
            Self::Hoards => 256 << 20,
            _ => ROOM.memory_bytes,
        };
        let output_bytes = if self == Self::Floods { 64 << 10 } else { ROOM.output_bytes };
        Limits {
            memory_bytes,
            wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
            output_bytes,
        }
    }
}

/// A runner under examination.
pub(crate) struct Subject<'a> {
    /// How to start it.
    pub(crate) runner: Runner,
    /// The tier that is tried; empty natively.
    pub(crate) tier: String,
    /// The guest that it is given; none natively and where it brings its own.
    pub(crate) guest: Option<GuestFiles>,
    /// Limit of a job's time.
    pub(crate) timeout: Duration,
    /// Folder for everything that is written.
    pub(crate) folder: &'a Path,
    /// Folder of compiled artifacts.
    pub(crate) artifacts: &'a Path,
    /// Ctrl-C.
    pub(crate) interrupt: &'a Interrupt,
    heard: RefCell<BTreeMap<Trial, Rc<Conversation>>>,
}

impl<'a> Subject<'a> {
    /// A runner of which nothing is known yet.
    pub(crate) fn new(
        runner: Runner,
        timeout: Duration,
        folder: &'a Path,
        artifacts: &'a Path,
        interrupt: &'a Interrupt,
    ) -> Self {
        let (tier, guest, heard) = (String::new(), None, RefCell::default());
        Self { runner, tier, guest, timeout, folder, artifacts, interrupt, heard }
    }

    /// Whether it is the native runner, which has no tiers.
    pub(crate) fn is_native(&self) -> bool {
        self.runner.guests == crate::drive::Guests::None
    }

    /// Has it describe itself, or tells why it cannot be started.
    pub(crate) fn describe(&self) -> io::Result<()> {
        let conversation = self.hold(Trial::Describe)?;
        self.heard.borrow_mut().insert(Trial::Describe, Rc::new(conversation));
        Ok(())
    }

    /// Who it says it is.
    pub(crate) fn hello(&self) -> Option<Hello> {
        let described = self.hear(Trial::Describe).ok()?;
        described.events().find_map(|event| match event {
            Event::Hello(hello) => Some(hello.clone()),
            _ => None,
        })
    }

    /// The tiers it has told; none where it has told no last event of that
    /// kind.
    pub(crate) fn tiers(&self) -> Option<Vec<Tier>> {
        let described = self.hear(Trial::Describe).ok()?;
        match described.last() {
            Some(Event::Described { tiers }) => Some(tiers.clone()),
            _ => None,
        }
    }

    /// Whether wasmfit would ask it to prepare anything.
    pub(super) const fn prepares(&self) -> bool {
        self.guest.is_some()
    }

    /// The conversation about a job, which is made when it is first asked for.
    pub(super) fn hear(&self, trial: Trial) -> Result<Rc<Conversation>, Objection> {
        if let Some(heard) = self.heard.borrow().get(&trial) {
            return Ok(Rc::clone(heard));
        }
        if let Some(before) = trial.follows() {
            self.require(before)?;
        }
        if self.interrupt.is_requested() {
            return Err(Objection::NotTried("interrupted".into()));
        }
        let conversation = self.hold(trial).map_err(|error| {
            Objection::NotTried(format!("{}: {error}", self.runner.program.display()))
        })?;
        let conversation = Rc::new(conversation);
        self.heard.borrow_mut().insert(trial, Rc::clone(&conversation));
        Ok(conversation)
    }

    /// Every conversation so far, in the order of [`Trial`].
    pub(super) fn all_heard(&self) -> Vec<(Trial, Rc<Conversation>)> {
        let heard = self.heard.borrow();
        heard.iter().map(|(trial, conversation)| (*trial, Rc::clone(conversation))).collect()
    }

    /// Whether a job went well that others build upon.
    fn require(&self, trial: Trial) -> Result<(), Objection> {
        if trial == Trial::Cold && self.prepares() {
            self.require(Trial::Prepare)?;
        }
        let (is_well, what) = match (trial, self.hear(trial)?.last()) {
            (Trial::Describe, last) => {
                (matches!(last, Some(Event::Described { .. })), "it does not describe itself")
            }
            (Trial::Prepare, last) => {
                (matches!(last, Some(Event::Prepared { .. })), "its guest is not prepared")
            }
            (_, last) => (matches!(last, Some(Event::Served(_))), "no cold start is served"),
        };
        if is_well { Ok(()) } else { Err(Objection::NotTried(what.into())) }
    }

    fn hold(&self, trial: Trial) -> io::Result<Conversation> {
        let scratch = self.folder.join(format!("{trial:?}"));
        fs::create_dir_all(&scratch)?;
        let limits = trial.limits(self.timeout);
        let is_described = trial == Trial::Describe;
        let assignment = Assignment {
            tier: match trial {
                Trial::Describe => "",
                Trial::UnknownTier => NO_TIER,
                _ => &self.tier,
            },
            guest: self.guest.clone().filter(|_| !is_described),
            limits,
            scratch: &scratch,
            artifacts: self.artifacts,
            debug_files: &[],
        };
        let refusing =
            |job: Value| converse(&self.runner, |_| job, REFUSING, scratch.clone(), self.interrupt);
        let task = match trial {
            Trial::LaterVersion => {
                return refusing(json!({"protocol": VERSION + 1, "errand": ["dance"]}));
            }
            Trial::NoJob => return refusing(json!(["no job", {"at": "all"}])),
            Trial::Describe => Task::Describe,
            Trial::Prepare | Trial::PrepareAgain => Task::Prepare,
            _ => self.measuring(trial)?,
        };
        let job = |started: &crate::drive::Started| started.job(&assignment, task);
        let patience = Duration::from_nanos(limits.wall_ns) + GRACE;
        converse(&self.runner, job, patience, scratch.clone(), self.interrupt)
    }

    fn measuring(&self, trial: Trial) -> io::Result<Task> {
        let workload = trial.workload().write(&self.folder.join("workloads"))?;
        let requests = self.write_requests(trial).map_err(io::Error::other)?;
        Ok(Task::Measure { workload, requests, sampling: trial.sampling() })
    }

    fn write_requests(&self, trial: Trial) -> Result<PathBuf, wasmfit_protocol::FramesError> {
        let path = self.folder.join(format!("{trial:?}.frames"));
        let mut frames = FramesWriter::create(&path)?;
        trial.requests().iter().try_for_each(|request| frames.push(request))?;
        frames.finish()?;
        Ok(path)
    }

    /// What a measuring job served. That it ended at all is for the checks of
    /// last events; that it ended otherwise is for the job's own check.
    pub(super) fn served(&self, trial: Trial) -> Result<(Rc<Conversation>, Served), Objection> {
        let conversation = self.hear(trial)?;
        match conversation.last() {
            Some(Event::Served(served)) => Ok((Rc::clone(&conversation), served.clone())),
            _ => Err(Objection::NotTried("its job was not served".into())),
        }
    }
}
