//! The host's side of the conversation with the driver (`driver.py`).
//!
//! A runtime hands every message of the guest to [`Session::answer`] and
//! gives the answer back. All timing happens here, so that it is the same in
//! every runner. A sample begins when the host is about to put a request into
//! the guest and ends when the response has been copied out.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmfit_protocol::{
    ColdPhase, Event, Failure, FailureKind, FramesError, FramesReader, FramesWriter,
    InjectionPlace, Job, Page, Pass, Profiled, RandomState, RequestPhase, SAMPLE_COLUMNS, Sample,
    Sampling, Served, Stretch, Task, Versions, Workload, monotonic_ns,
};

use crate::clock::{CpuClock, Stamp};
use crate::events::{Events, Stage};
use crate::inject::SlowDown;
use crate::invocation::host_call_program;
use crate::measuring::{BurstKind, Measuring, storage};
use crate::profile::{GuestCode, ProfilePass};

/// What a timed response begins with: when `deliver`, `decode`, `infer` and
/// `encode` ended, as little-endian nanoseconds.
const MARKS_BYTES: usize = (RequestPhase::ALL.len() - 1) * size_of::<u64>();

/// What a `MemoryError` means here.
pub const OUT_OF_MEMORY: &str = ": more than the job's memory limit; raise --memory";

/// The conversation is over; the guest should stop. Runtimes turn this into
/// whatever makes their guest's `call` fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over;

/// When a message came and was answered, by the clock of whoever answered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// When the message came, ns.
    pub entered_ns: u64,
    /// When it had been copied out of the guest, ns.
    pub copied_ns: u64,
    /// When the answer was about to be put into it, ns.
    pub answered_ns: u64,
}

/// What the kit does not see of a guest in a process that is not this one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Elsewhere {
    /// Largest resident set of that process, by the operating system.
    pub peak_resident_bytes: u64,
    /// What became of the profile pass, as [`Served::profile`].
    pub profile: Option<Profiled>,
    /// What a browser tells.
    pub page: Option<Page>,
}

/// What a runtime gives back when the guest's loop has ended.
pub struct Ended {
    /// The session, with its samples.
    pub session: Session,
    /// Names of the guest's functions, while their code is still mapped; none
    /// natively and where the guest's code is not machine code.
    pub code: Option<Box<dyn GuestCode>>,
    /// The guest's linear memory; none natively.
    pub linear_memory_bytes: Option<u64>,
    /// For a guest in another process, what is known of that.
    pub elsewhere: Option<Elsewhere>,
    /// What went wrong with the guest, as far as the runtime knows. What the
    /// session knows comes first.
    pub trouble: Option<Failure>,
}

/// What a runtime knows of a guest that has served, but for the session.
#[derive(Default)]
pub(crate) struct About<'a> {
    pub(crate) code: Option<&'a dyn GuestCode>,
    pub(crate) linear_memory_bytes: Option<u64>,
    pub(crate) elsewhere: Option<Elsewhere>,
}

/// One job's conversation.
#[derive(Debug)]
pub struct Session {
    events: Events,
    scratch: PathBuf,
    /// Begins the driver's report of a failure. No response begins with it
    /// but by intent.
    token: [u8; 32],
    workload: Workload,
    /// What a guest that calls the host is told to run.
    program: String,
    /// Workload folder as the guest sees it.
    guest_folder: String,
    clock: CpuClock,
    /// When the message at hand came and was answered, if that is told.
    told: Option<Told>,
    profile: ProfilePass,
    slow_down: SlowDown,
    work: Work,
    step: Step,
    cold: Option<(ColdPhase, Stamp)>,
    samples: Vec<Sample>,
    failure: Option<Failure>,
    lives: Lives,
}

/// What the job is about.
#[derive(Debug)]
enum Work {
    Make {
        count: u32,
        batch: u32,
        made: FramesWriter,
        done: u32,
    },
    Measure(Box<Measuring>),
    /// The same, and then what files modules came from.
    Cover {
        measuring: Box<Measuring>,
        collecting: bool,
        files: Vec<String>,
    },
    Snapshot {
        warming: Option<Box<Measuring>>,
        random_state: Option<RandomState>,
    },
}

impl Work {
    /// What serves requests.
    fn measuring(&mut self) -> Option<&mut Measuring> {
        match self {
            Self::Measure(measuring) | Self::Cover { measuring, .. } => Some(measuring),
            Self::Snapshot { warming, .. } => warming.as_deref_mut(),
            Self::Make { .. } => None,
        }
    }
}

/// What the next message of the guest means.
#[derive(Debug)]
enum Step {
    Starting,
    Collecting,
    Importing,
    Loading,
    AskingVersions,
    Exercising,
    AskingFiles,
    Remembering,
    Freezing,
    Burst(Burst),
    Making,
    Over,
}

/// A series of requests under one order.
#[derive(Debug)]
struct Burst {
    kind: BurstKind,
    left: u32,
    size: u32,
    flight: Option<Flight>,
}

/// A request within the guest.
#[derive(Clone, Copy, Debug)]
struct Flight {
    pass: Pass,
    request: u32,
    index: u32,
    /// Which phase is running; `None` where no marks are made.
    part: Option<RequestPhase>,
    stamp: Stamp,
}

impl Session {
    /// A session for `job`, whose task must be one that runs a workload. One
    /// whose guest is elsewhere is told when each message came and was
    /// answered.
    pub(crate) fn new(job: &Job, events: Events, is_elsewhere: bool) -> Result<Self, Failure> {
        let Job { spawned_at_ns, ref scratch, ref guest, ref task, .. } = *job;
        let boundary = guest.as_ref().map(|guest| guest.boundary);
        let clock = if is_elsewhere { CpuClock::Nobody } else { CpuClock::of(boundary) };
        let mut slow_down = SlowDown::new(None);
        let (workload, work, profile) = match task.clone() {
            Task::MakeRequests { workload, count, batch } => {
                let path = scratch.join("requests.frames");
                let made = FramesWriter::create(&path).map_err(|error| storage(&error, "spawn"))?;
                let work = Work::Make { count, batch: batch.unwrap_or(0), made, done: 0 };
                (workload, work, ProfilePass::NotAskedFor)
            }
            Task::Measure { workload, requests, sampling } => {
                slow_down = SlowDown::new(sampling.and_then(|it| it.inject));
                if is_elsewhere && sampling.is_some_and(|it| it.inject.is_some()) {
                    let message = "a slow-down cannot be put into a guest in another process";
                    return Err(Failure::new(FailureKind::Runner, "spawn", message));
                }
                let asked = sampling.and_then(|it| it.profile);
                let pass = match asked {
                    Some(_) if is_elsewhere => ProfilePass::Elsewhere,
                    _ => ProfilePass::of(job, asked),
                };
                let sampling = sampling.map(|sampling| Sampling {
                    profile: sampling.profile.filter(|_| pass.is_possible()),
                    ..sampling
                });
                let measuring = Measuring::new(&requests, sampling, spawned_at_ns, scratch)
                    .map_err(|error| storage(&error, "spawn"))?;
                (workload, Work::Measure(Box::new(measuring)), pass)
            }
            Task::Cover { workload, requests, collecting } => {
                let measuring = covering(&requests, spawned_at_ns, scratch)
                    .map_err(|error| storage(&error, "spawn"))?;
                let measuring = Box::new(measuring);
                let work = Work::Cover { measuring, collecting, files: Vec::new() };
                (workload, work, ProfilePass::NotAskedFor)
            }
            Task::Snapshot { workload, requests } => {
                let warming =
                    requests.map(|it| covering(&it, spawned_at_ns, scratch).map(Box::new));
                let warming = warming.transpose().map_err(|error| storage(&error, "spawn"))?;
                let work = Work::Snapshot { warming, random_state: None };
                (workload, work, ProfilePass::NotAskedFor)
            }
            Task::Describe | Task::Prepare => {
                return Err(Failure::new(
                    FailureKind::Runner,
                    "spawn",
                    "this task runs no workload",
                ));
            }
        };
        let folder = workload.folder.to_string_lossy().into_owned();
        Ok(Self {
            events,
            scratch: scratch.clone(),
            token: token(spawned_at_ns),
            workload,
            program: guest.as_ref().map(host_call_program).unwrap_or_default(),
            guest_folder: folder,
            clock,
            told: None,
            profile,
            slow_down,
            work,
            step: Step::Starting,
            cold: Some((ColdPhase::Spawn, Stamp::since(clock, spawned_at_ns))),
            samples: Vec::with_capacity(4096),
            failure: None,
            lives: Lives::One,
        })
    }

    /// Begins again at `at_ns`: what was before is not part of the cold start.
    pub(crate) fn begin_anew(&mut self, at_ns: u64) {
        self.cold = Some((ColdPhase::Spawn, Stamp::since(self.clock, at_ns)));
        self.work.measuring().into_iter().for_each(|it| it.began(at_ns));
    }

    /// Whether the guest itself reads the clock in marked passes, because a
    /// mark would cost more than most phases.
    fn guest_times(&self) -> bool {
        self.clock == CpuClock::Process
    }

    /// What a guest that calls the host is told to run: Python source.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Whether the job has failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Modules of packages that the workload imports.
    #[must_use]
    pub fn packages(&self) -> &[String] {
        &self.workload.packages
    }

    /// The workload's folder on the host.
    #[must_use]
    pub fn workload_folder(&self) -> &Path {
        &self.workload.folder
    }

    /// Where a sandboxed guest sees the workload's folder.
    pub fn mount_workload_at(&mut self, guest_folder: &str) {
        guest_folder.clone_into(&mut self.guest_folder);
    }

    /// Ends the running cold-start phase and begins `phase`.
    pub fn begin(&mut self, phase: ColdPhase) {
        if !self.is_reborn() {
            self.begin_at(phase, monotonic_ns());
        }
    }

    /// For an interpreter that was up before the runner's code could run:
    /// `spawn` ended at wall time `executed_at_ns`, and all since then was
    /// `initialize`, with whatever processor time the process has used.
    pub fn began_with_the_process(&mut self, executed_at_ns: u64) {
        if let Some((phase, stamp)) = self.cold.take() {
            self.samples.push(Sample {
                pass: Pass::Cold,
                stretch: Stretch::Cold(phase),
                index: 0,
                request: 0,
                wall_ns: executed_at_ns.saturating_sub(stamp.wall_began_ns()),
                cpu_ns: Some(0),
            });
        }
        let initialize = ColdPhase::Initialize;
        self.events.enter(Stage::Cold(initialize));
        self.cold = Some((initialize, Stamp::since(self.clock, executed_at_ns)));
    }

    /// The same as [`Session::begin`], at wall time `at_ns`, read just now.
    fn begin_at(&mut self, phase: ColdPhase, at_ns: u64) {
        self.end_cold_phase(at_ns);
        self.events.enter(Stage::Cold(phase));
        self.cold = Some((phase, Stamp::now(self.clock).with_wall(at_ns)));
    }

    fn end_cold_phase(&mut self, at_ns: u64) {
        if let Some((phase, stamp)) = self.cold.take() {
            self.push(Pass::Cold, Stretch::Cold(phase), 0, 0, stamp, at_ns);
        }
    }

    fn push(
        &mut self,
        pass: Pass,
        stretch: Stretch,
        index: u32,
        request: u32,
        since: Stamp,
        until_ns: u64,
    ) {
        let (wall_ns, cpu_ns) = since.elapsed_until(until_ns);
        self.samples.push(Sample { pass, stretch, index, request, wall_ns, cpu_ns });
    }

    /// Takes the guest's message and gives the answer to it.
    ///
    /// # Errors
    ///
    /// [`Over`] when the job has failed.
    pub fn answer(&mut self, message: &[u8]) -> Result<Arc<[u8]>, Over> {
        match self.lives {
            Lives::One => self.answer_whole(message),
            _ => self.answer_in_life(message),
        }
    }

    /// The same of a conversation, however many guests hold it.
    fn answer_whole(&mut self, message: &[u8]) -> Result<Arc<[u8]>, Over> {
        let entered_ns = self.told.map_or_else(monotonic_ns, |it| it.entered_ns);
        if message.starts_with(&self.token) {
            return Err(self.fail_as_told(&message[self.token.len()..]));
        }
        match &mut self.step {
            Step::Burst(burst) => {
                if let Some(flight) = burst.flight {
                    let took_ns = entered_ns.saturating_sub(flight.stamp.wall_began_ns());
                    let entered_ns =
                        self.slow_down.lengthen(InjectionPlace::Runtime, took_ns, entered_ns);
                    match flight.part {
                        Some(part) if part != RequestPhase::Collect => {
                            return Ok(self.mark(flight, part, entered_ns));
                        }
                        _ => self.collect(flight, message)?,
                    }
                }
                self.deliver()
            }
            Step::Starting => {
                if let Work::Cover { collecting: true, .. } = self.work {
                    self.step = Step::Collecting;
                    return Ok(order("collect"));
                }
                Ok(self.order_import(entered_ns))
            }
            Step::Collecting => Ok(self.order_import(entered_ns)),
            Step::Importing => Ok(self.imported(entered_ns)),
            Step::Remembering => Ok(self.order_load(entered_ns)),
            Step::Loading => {
                if let Work::Snapshot { warming, .. } = &mut self.work {
                    let count = warming.as_mut().map(|it| it.read_requests()).transpose();
                    self.end_cold_phase(entered_ns);
                    return match count {
                        Ok(Some(count)) => Ok(self.order_burst(BurstKind::Check, count)),
                        Ok(None) => Ok(self.order_freeze()),
                        Err(error) => Err(self.fail(storage(&error, Stage::Check.name()))),
                    };
                }
                self.begin_at(ColdPhase::FirstRequest, entered_ns);
                Ok(self.order_burst(BurstKind::First, 1))
            }
            Step::Freezing => self.frozen(message),
            Step::AskingVersions => self.versions_told(message),
            Step::Exercising => {
                self.step = Step::AskingFiles;
                Ok(order("files"))
            }
            Step::AskingFiles => Ok(self.files_told(message)),
            Step::Making => self.made(message),
            Step::Over => Err(Over),
        }
    }

    /// A mark of the phase pass: `part` has ended.
    fn mark(&mut self, flight: Flight, part: RequestPhase, entered_ns: u64) -> Arc<[u8]> {
        self.profile.outside();
        let Flight { pass, request, index, .. } = flight;
        self.push(pass, Stretch::Part(part), index, request, flight.stamp, entered_ns);
        let next = match part {
            RequestPhase::Deliver => RequestPhase::Decode,
            RequestPhase::Decode => RequestPhase::Infer,
            RequestPhase::Infer => RequestPhase::Encode,
            RequestPhase::Encode | RequestPhase::Collect => RequestPhase::Collect,
        };
        let empty = nothing();
        let stamp = self.answering();
        if let Step::Burst(burst) = &mut self.step {
            burst.flight = Some(Flight { part: Some(next), stamp, ..flight });
        }
        self.sampler_inside(pass, request, next);
        empty
    }

    /// The beginning of the stretch that an answer begins.
    fn answering(&self) -> Stamp {
        let stamp = Stamp::now(self.clock);
        self.told.map_or(stamp, |it| stamp.with_wall(it.answered_ns))
    }

    /// From here on the sampler, if it is on, counts for `phase`.
    fn sampler_inside(&self, pass: Pass, request: u32, phase: RequestPhase) {
        if pass == Pass::Profile {
            self.profile.inside(request, phase);
        }
    }

    /// Copies the response out, which ends the sample, and checks it.
    fn collect(&mut self, flight: Flight, message: &[u8]) -> Result<(), Over> {
        let guest_times = self.guest_times();
        let (Some(measuring), Step::Burst(burst)) = (self.work.measuring(), &mut self.step) else {
            return Err(Over);
        };
        let kind = burst.kind;
        let (marks, response) = if guest_times && kind.is_marked() {
            message.split_at_checked(MARKS_BYTES).unwrap_or((message, &[]))
        } else {
            (&[][..], message)
        };
        measuring.copy_out(response);
        let copied_ns = self.told.map_or_else(monotonic_ns, |it| it.copied_ns);
        // With marks the flight's stamp is that of its last phase.
        let took_ns = match flight.part {
            None => copied_ns.saturating_sub(flight.stamp.wall_began_ns()),
            Some(_) => measuring.typical_ns(),
        };
        let ended_ns = self.slow_down.lengthen(InjectionPlace::Boundary, took_ns, copied_ns);
        self.profile.outside();

        burst.left -= 1;
        burst.flight = None;
        let Flight { pass, request, index, stamp, part } = flight;
        if kind == BurstKind::First {
            measuring.first_response(ended_ns);
            self.end_cold_phase(ended_ns);
        } else if !marks.is_empty() {
            self.push_guest_times(flight, marks, ended_ns)?;
        } else {
            let stretch = part.map_or(Stretch::Request, Stretch::Part);
            self.push(pass, stretch, index, request, stamp, ended_ns);
        }
        let Some(measuring) = self.work.measuring() else { return Err(Over) };
        measuring
            .check_response(kind, request, &self.samples)
            .map_err(|error| self.fail(error.into_failure(self.events.stage().name())))
    }

    /// The phases of a request by the guest's own clock, which must be the
    /// host's: `deliver` and `collect` each have an end on either side.
    fn push_guest_times(
        &mut self,
        flight: Flight,
        marks: &[u8],
        ended_ns: u64,
    ) -> Result<(), Over> {
        let (marks, _) = marks.as_chunks();
        let marks = marks.iter().map(|mark| u64::from_le_bytes(*mark));
        let mut ends = marks.chain([ended_ns]);
        let mut began_ns = flight.stamp.wall_began_ns();
        for part in RequestPhase::ALL {
            let ended_ns = ends.next().unwrap_or_default();
            let Some(wall_ns) = ended_ns.checked_sub(began_ns) else {
                let message = format!(
                    "the guest's monotonic clock is not the host's: {} ended at {ended_ns} ns and began at {began_ns} ns",
                    part.name()
                );
                let stage = self.events.stage().name();
                return Err(self.fail(Failure::new(FailureKind::Runner, stage, message)));
            };
            let Flight { pass, request, index, .. } = flight;
            let stretch = Stretch::Part(part);
            self.samples.push(Sample { pass, stretch, index, request, wall_ns, cpu_ns: None });
            began_ns = ended_ns;
        }
        Ok(())
    }

    /// Sends the burst's next request in, or goes on to the next order.
    fn deliver(&mut self) -> Result<Arc<[u8]>, Over> {
        let guest_times = self.guest_times();
        let Step::Burst(burst) = &mut self.step else { return Err(Over) };
        if burst.left == 0 {
            let (kind, size) = (burst.kind, burst.size);
            return self.after_burst(kind, size);
        }
        let Some(measuring) = self.work.measuring() else { return Err(Over) };
        let pass = burst.kind.pass();
        let Some((request, index, bytes)) = measuring.take_request(pass) else {
            return Err(Over);
        };
        let marked = burst.kind.is_marked() && !guest_times;
        let part = marked.then_some(RequestPhase::Deliver);
        let stamp = self.answering();
        if let Step::Burst(burst) = &mut self.step {
            burst.flight = Some(Flight { pass, request, index, part, stamp });
        }
        self.sampler_inside(pass, request, RequestPhase::Deliver);
        Ok(bytes)
    }

    fn order_import(&mut self, entered_ns: u64) -> Arc<[u8]> {
        self.begin_at(ColdPhase::Import, entered_ns);
        self.step = Step::Importing;
        self.import_order()
    }

    pub(super) fn import_order(&self) -> Arc<[u8]> {
        let mut order = b"import ".to_vec();
        order.extend_from_slice(&self.token);
        order.extend_from_slice(format!(" {}/workload.py", self.guest_folder).as_bytes());
        order.into()
    }

    pub(super) fn load_order(&self) -> Arc<[u8]> {
        order(&format!("load {}/assets", self.guest_folder))
    }

    fn imported(&mut self, entered_ns: u64) -> Arc<[u8]> {
        if let Work::Make { count, batch, .. } = self.work {
            self.end_cold_phase(entered_ns);
            self.events.enter(Stage::MakingRequests);
            self.step = Step::Making;
            return order(&format!("make {count} {batch}"));
        }
        if let Work::Snapshot { .. } | Work::Cover { .. } = self.work {
            self.step = Step::Remembering;
            return order("remember");
        }
        self.order_load(entered_ns)
    }

    fn order_load(&mut self, entered_ns: u64) -> Arc<[u8]> {
        self.begin_at(ColdPhase::ModelLoad, entered_ns);
        self.step = Step::Loading;
        self.load_order()
    }

    fn order_freeze(&mut self) -> Arc<[u8]> {
        self.step = Step::Freezing;
        order("freeze")
    }

    fn frozen(&mut self, message: &[u8]) -> Result<Arc<[u8]>, Over> {
        let Work::Snapshot { random_state, .. } = &mut self.work else {
            // Whether it could be saved is nothing to a coverage, but what
            // finding out takes is.
            self.step = Step::Exercising;
            return Ok(order("exercise"));
        };
        *random_state = Some(match message {
            b"reseeded" => RandomState::Reseeded,
            b"kept" => RandomState::Kept,
            held => {
                let held = String::from_utf8_lossy(held);
                let message = format!(
                    "its state cannot be saved: {held}: finish with it in load, or open it for each request"
                );
                return Err(self.fail(Failure::new(FailureKind::Contract, "snapshot", message)));
            }
        });
        Ok(self.order_stop())
    }

    fn files_told(&mut self, message: &[u8]) -> Arc<[u8]> {
        if let Work::Cover { files, .. } = &mut self.work {
            *files = String::from_utf8_lossy(message).lines().map(str::to_owned).collect();
        }
        self.order_stop()
    }

    fn order_burst(&mut self, kind: BurstKind, size: u32) -> Arc<[u8]> {
        // The cold phase of the first request has been entered already.
        if kind != BurstKind::First {
            self.events.enter(kind.stage());
        }
        self.step = Step::Burst(Burst { kind, left: size, size, flight: None });
        order(&format!("{} {size}", self.order_name()))
    }

    /// How the guest is to serve the burst at hand.
    fn order_name(&self) -> &'static str {
        match &self.step {
            Step::Burst(Burst { kind, .. }) if kind.is_marked() => {
                if self.guest_times() {
                    "timed"
                } else {
                    "phase"
                }
            }
            _ => "plain",
        }
    }

    /// Whether the guest's next message is a mark, and no response.
    fn awaits_mark(&self) -> bool {
        let Step::Burst(Burst { flight: Some(flight), .. }) = &self.step else { return false };
        flight.part.is_some_and(|part| part != RequestPhase::Collect)
    }

    /// The sampler runs during profile bursts and no others.
    fn switch_sampler(&mut self, kind: BurstKind, on: bool) -> Result<(), Over> {
        if kind != BurstKind::Profile {
            return Ok(());
        }
        let switched = self.profile.switch(on);
        switched.map_err(|error| {
            let message = format!("the sampler's timer cannot be set: {error}");
            let stage = self.events.stage().name();
            self.fail(Failure::new(FailureKind::Runner, stage, message))
        })
    }

    /// What follows a burst.
    fn after_burst(&mut self, kind: BurstKind, size: u32) -> Result<Arc<[u8]>, Over> {
        self.switch_sampler(kind, false)?;
        if let Work::Snapshot { .. } = self.work {
            return Ok(self.order_freeze());
        }
        let Some(measuring) = self.work.measuring() else { return Err(Over) };
        if !measuring.samples_requests() {
            return Ok(self.order_stop());
        }
        if kind == BurstKind::First {
            self.events.enter(Stage::Versions);
            self.step = Step::AskingVersions;
            return Ok(order(&format!("versions {}", self.workload.packages.join(" "))));
        }
        let next = match kind {
            BurstKind::Check => measuring.responses_complete(),
            BurstKind::Warmup => {
                let window = self.samples.iter().rev().take(size as usize);
                measuring.warmed(window.map(|sample| sample.wall_ns).collect());
                Ok(())
            }
            BurstKind::First | BurstKind::Plain | BurstKind::Phase | BurstKind::Profile => Ok(()),
        };
        if let Err(error) = next {
            return Err(self.fail(storage(&error, self.events.stage().name())));
        }
        match measuring.next_burst() {
            Some((kind, size)) => {
                self.switch_sampler(kind, true)?;
                Ok(self.order_burst(kind, size))
            }
            None if matches!(self.work, Work::Cover { .. }) => Ok(self.order_freeze()),
            None => Ok(self.order_stop()),
        }
    }

    fn order_stop(&mut self) -> Arc<[u8]> {
        self.events.enter(Stage::Ending);
        self.step = Step::Over;
        order("stop")
    }

    fn versions_told(&mut self, message: &[u8]) -> Result<Arc<[u8]>, Over> {
        let text = String::from_utf8_lossy(message);
        let mut versions = Versions::default();
        for (name, version) in text.lines().filter_map(|line| line.split_once('=')) {
            if name == "python" {
                version.clone_into(&mut versions.python);
            } else {
                versions.packages.insert(name.to_owned(), version.to_owned());
            }
        }
        self.events.emit(&Event::Versions(versions));
        let Some(measuring) = self.work.measuring() else { return Err(Over) };
        match measuring.read_requests() {
            Ok(count) => Ok(self.order_burst(BurstKind::Check, count)),
            Err(error) => Err(self.fail(storage(&error, Stage::Check.name()))),
        }
    }

    fn made(&mut self, message: &[u8]) -> Result<Arc<[u8]>, Over> {
        let Work::Make { count, made, done, .. } = &mut self.work else { return Err(Over) };
        if let Err(error) = made.push(message) {
            return Err(self.fail(storage(&error, Stage::MakingRequests.name())));
        }
        *done += 1;
        if *done == *count { Ok(self.order_stop()) } else { Ok(nothing()) }
    }

    /// Keeps the first failure and ends the conversation.
    fn fail(&mut self, failure: Failure) -> Over {
        self.failure.get_or_insert(failure);
        self.step = Step::Over;
        Over
    }

    /// Takes the driver's report: kind, place, summary, traceback.
    fn fail_as_told(&mut self, report: &[u8]) -> Over {
        let report = String::from_utf8_lossy(report);
        let mut lines = report.splitn(4, '\n');
        let mut line = || lines.next().unwrap_or_default().to_owned();
        let (kind, place, mut message, detail) = (line(), line(), line(), line());
        let kind = match kind.as_str() {
            "contract" => FailureKind::Contract,
            "memory" => FailureKind::Memory,
            _ => FailureKind::Raised,
        };
        if kind == FailureKind::Memory {
            message.push_str(OUT_OF_MEMORY);
        }
        let stage = self.events.stage().name();
        let during = if place.is_empty() { stage.into() } else { format!("{stage}, in {place}") };
        self.fail(Failure { kind, during, message, detail })
    }

    /// Ends the session after the guest's loop has ended.
    pub(crate) fn finish(
        self,
        about: About<'_>,
        trouble: Option<Failure>,
        printed: String,
    ) -> Result<Event, Failure> {
        let About { code, linear_memory_bytes, elsewhere } = about;
        if let Some(failure) = self.failure.or(trouble) {
            return Err(failure);
        }
        let stage = self.events.stage();
        if stage != Stage::Ending {
            let message = "the guest's loop ended before it was told to";
            return Err(Failure::new(FailureKind::Trap, stage.name(), message));
        }
        match self.work {
            Work::Make { count, made, .. } => {
                made.finish().map_err(|error| storage(&error, stage.name()))?;
                Ok(Event::RequestsMade { count })
            }
            Work::Snapshot { random_state, .. } => {
                let random_state = random_state.unwrap_or(RandomState::Kept);
                Ok(Event::SnapshotMade { random_state })
            }
            Work::Cover { mut measuring, files, .. } => {
                measuring.responses_complete().map_err(|error| storage(&error, stage.name()))?;
                Ok(Event::Covered { files })
            }
            Work::Measure(mut measuring) => {
                measuring.responses_complete().map_err(|error| storage(&error, stage.name()))?;
                let path = self.scratch.join("samples.csv");
                write_samples(&path, &self.samples).map_err(|error| {
                    let message = format!("{}: {error}", path.display());
                    Failure::new(FailureKind::Storage, stage.name(), message)
                })?;
                let own = self.profile.finish(&self.scratch, code).map_err(|error| {
                    Failure::new(FailureKind::Storage, stage.name(), error.to_string())
                })?;
                let is_here = elsewhere.is_none();
                let Elsewhere { peak_resident_bytes, profile, page } =
                    elsewhere.unwrap_or_else(|| Elsewhere {
                        peak_resident_bytes: crate::memory::peak_resident_bytes(),
                        profile: own,
                        page: None,
                    });
                Ok(Event::Served(Served {
                    cold_start_ns: measuring.cold_start_ns(),
                    warmup_requests: measuring.served(Pass::Warmup),
                    warmup_stable: measuring.warmup_stable(),
                    peak_resident_bytes,
                    // Of the process whose resident set that is.
                    runner_bytes: if is_here {
                        measuring.held_bytes()
                            + size_of_val(&self.samples[..]) as u64
                            + self.profile.held_bytes()
                    } else {
                        0
                    },
                    linear_memory_bytes,
                    plain_page_faults: measuring.plain_page_faults().filter(|_| is_here),
                    printed,
                    profile,
                    page,
                }))
            }
        }
    }
}

/// What serves every request once plainly, and once with marks.
fn covering(requests: &Path, spawned_at_ns: u64, scratch: &Path) -> Result<Measuring, FramesError> {
    let count = u32::try_from(FramesReader::open(requests)?.count()).unwrap_or(u32::MAX);
    let sampling = Sampling {
        warmup_ns: 0,
        plain_ns: 0,
        phase_ns: 0,
        profile: None,
        inject: None,
        least_requests: count,
        most_requests: count,
    };
    Measuring::new(requests, Some(sampling), spawned_at_ns, scratch)
}

/// What a report of failure begins with: the launch's start time and process
/// number, which no workload's response begins with by chance.
fn token(spawned_at_ns: u64) -> [u8; 32] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut token = [0; 32];
    let mixed = [spawned_at_ns, u64::from(std::process::id())].map(u64::to_le_bytes).concat();
    for (pair, byte) in token.chunks_exact_mut(2).zip(mixed) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 15)];
    }
    token
}

fn order(text: &str) -> Arc<[u8]> {
    text.as_bytes().into()
}

fn nothing() -> Arc<[u8]> {
    Arc::default()
}

fn write_samples(path: &Path, samples: &[Sample]) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "{}", SAMPLE_COLUMNS.join(","))?;
    for sample in samples {
        writeln!(file, "{}", sample.to_row().join(","))?;
    }
    file.flush()
}

mod lives;
mod replay;
#[cfg(test)]
mod tests;

use self::lives::Lives;
pub use self::replay::{GO_ON, Replay, Series, Turn};
