//! What a measuring job serves: which request is next, what has been
//! answered, and how long to go on.

use std::path::Path;
use std::sync::Arc;

use wasmfit_protocol::{
    ColdPhase, Failure, FailureKind, FramesError, FramesReader, FramesWriter, Pass, RequestPhase,
    Sample, Sampling,
};
use xxhash_rust::xxh3::xxh3_64;

use crate::events::Stage;
use crate::memory::page_faults;
use crate::settle::Settling;

/// How long a burst of requests should take: long enough that the order
/// before it is nothing, short enough to keep to the budgets.
const BURST_NS: u64 = 20_000_000;

/// What a series of requests under one order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BurstKind {
    /// The first request of the process: the end of its cold start.
    First,
    /// Every request once, keeping the responses.
    Check,
    /// Until latency has settled.
    Warmup,
    /// Without marks.
    Plain,
    /// With phase marks.
    Phase,
    /// With phase marks and the sampler on.
    Profile,
}

impl BurstKind {
    pub(crate) const fn pass(self) -> Pass {
        match self {
            Self::First => Pass::Cold,
            Self::Check | Self::Warmup => Pass::Warmup,
            Self::Plain => Pass::Plain,
            Self::Phase => Pass::Phase,
            Self::Profile => Pass::Profile,
        }
    }

    pub(crate) const fn stage(self) -> Stage {
        match self {
            Self::First => Stage::Cold(ColdPhase::FirstRequest),
            Self::Check => Stage::Check,
            Self::Warmup => Stage::Warmup,
            Self::Plain | Self::Phase | Self::Profile => Stage::Sampling,
        }
    }

    /// Whether requests are served with a mark between their phases.
    pub(crate) const fn is_marked(self) -> bool {
        matches!(self, Self::Phase | Self::Profile)
    }
}

/// A frames file that failed, as the failure of a job.
pub(crate) fn storage(error: &FramesError, during: &str) -> Failure {
    Failure::new(FailureKind::Storage, during, error.to_string())
}

/// Why a response was not accepted.
pub(crate) enum ResponseError {
    /// It differs from the first one to the same request.
    Unsteady { request: u32 },
    /// It could not be kept.
    Storage(FramesError),
}

impl ResponseError {
    pub(crate) fn into_failure(self, during: &str) -> Failure {
        match self {
            Self::Unsteady { request } => Failure::new(
                FailureKind::Unsteady,
                during,
                format!(
                    "request {request} was answered differently than the first time: seed what is random, and keep no state between requests"
                ),
            ),
            Self::Storage(error) => storage(&error, during),
        }
    }
}

/// How far a pass is within its budget.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    requests: u32,
    wall_ns: u64,
}

impl Progress {
    fn add(&mut self, wall_ns: u64) {
        self.requests += 1;
        self.wall_ns += wall_ns;
    }

    /// Share of the budget used, 1 when the pass is complete.
    fn share(self, budget_ns: u64, sampling: &Sampling) -> f64 {
        if self.requests >= sampling.most_requests {
            return 1.0;
        }
        let time = self.wall_ns as f64 / budget_ns.max(1) as f64;
        let requests = f64::from(self.requests) / f64::from(sampling.least_requests.max(1));
        time.min(requests)
    }
}

/// The state of a measuring job.
#[derive(Debug)]
pub(crate) struct Measuring {
    spawned_at_ns: u64,
    source: FramesReader,
    requests: Vec<Arc<[u8]>>,
    /// Digest of each request's first response.
    digests: Vec<u64>,
    /// `None` once every first response is kept.
    responses: Option<FramesWriter>,
    /// The response being collected; kept so that its memory is reused.
    response: Vec<u8>,
    sampling: Option<Sampling>,
    /// Requests served, by pass.
    served: [u32; Pass::ALL.len()],
    settling: Settling,
    warmed_ns: u64,
    warmup_stable: Option<bool>,
    plain: Progress,
    plain_page_faults: u64,
    /// Page faults before the burst being served, if that is a plain one.
    page_faults_before: Option<u64>,
    phase: Progress,
    profile: Progress,
    profile_burst_ns: u64,
    /// Running mean of a request's wall time, to size bursts by.
    typical_ns: u64,
    cold_start_ns: u64,
}

impl Measuring {
    /// Opens the requests and reads the first. The others follow when the
    /// cold start is over: no deployment would have them before.
    pub(crate) fn new(
        requests: &Path,
        sampling: Option<Sampling>,
        spawned_at_ns: u64,
        scratch: &Path,
    ) -> Result<Self, FramesError> {
        let mut source = FramesReader::open(requests)?;
        let first = source.next().transpose()?.unwrap_or_default();
        Ok(Self {
            spawned_at_ns,
            source,
            requests: vec![first.into()],
            digests: Vec::new(),
            responses: Some(FramesWriter::create(&scratch.join("responses.frames"))?),
            response: Vec::new(),
            sampling,
            served: [0; Pass::ALL.len()],
            settling: Settling::default(),
            warmed_ns: 0,
            warmup_stable: None,
            plain: Progress::default(),
            plain_page_faults: 0,
            page_faults_before: None,
            phase: Progress::default(),
            profile: Progress::default(),
            profile_burst_ns: BURST_NS,
            typical_ns: 0,
            cold_start_ns: 0,
        })
    }

    /// Reads the remaining requests and says how many there are in all.
    pub(crate) fn read_requests(&mut self) -> Result<u32, FramesError> {
        for frame in self.source.by_ref() {
            self.requests.push(frame?.into());
        }
        Ok(u32::try_from(self.requests.len()).unwrap_or(u32::MAX))
    }

    /// The next request of a pass: which, its index in the pass, its bytes.
    pub(crate) fn take_request(&mut self, pass: Pass) -> Option<(u32, u32, Arc<[u8]>)> {
        let served = &mut self.served[pass as usize];
        let index = *served;
        *served += 1;
        let request = index as usize % self.requests.len();
        let bytes = self.requests.get(request)?;
        Some((u32::try_from(request).ok()?, index, Arc::clone(bytes)))
    }

    /// Copies a response out.
    pub(crate) fn copy_out(&mut self, message: &[u8]) {
        self.response.clear();
        self.response.extend_from_slice(message);
    }

    /// Notes that the cold start began at `at_ns`.
    pub(crate) fn began(&mut self, at_ns: u64) {
        self.spawned_at_ns = at_ns;
    }

    /// What `take_request` will give of a pass: index of the next, and all
    /// requests in turn.
    pub(crate) fn upcoming(&self, pass: Pass) -> (u32, &[Arc<[u8]>]) {
        (self.served(pass), &self.requests)
    }

    /// Notes that the first response arrived at `at_ns`.
    pub(crate) fn first_response(&mut self, at_ns: u64) {
        self.cold_start_ns = at_ns.saturating_sub(self.spawned_at_ns);
    }

    /// Accounts for a response: `samples` ends with its samples. Keeps a
    /// request's first response, and holds every later one to it.
    pub(crate) fn check_response(
        &mut self,
        kind: BurstKind,
        request: u32,
        samples: &[Sample],
    ) -> Result<(), ResponseError> {
        self.count(kind, samples);
        let digest = xxh3_64(&self.response);
        match self.digests.get(request as usize) {
            Some(first) if *first == digest => Ok(()),
            Some(_) => Err(ResponseError::Unsteady { request }),
            None => {
                self.digests.push(digest);
                let responses = self.responses.as_mut();
                responses
                    .map_or(Ok(()), |file| file.push(&self.response))
                    .map_err(ResponseError::Storage)
            }
        }
    }

    fn count(&mut self, kind: BurstKind, samples: &[Sample]) {
        let stretches = match kind {
            BurstKind::First => return,
            BurstKind::Phase | BurstKind::Profile => RequestPhase::ALL.len(),
            BurstKind::Check | BurstKind::Warmup | BurstKind::Plain => 1,
        };
        let wall_ns: u64 = samples.iter().rev().take(stretches).map(|sample| sample.wall_ns).sum();
        self.typical_ns =
            if self.typical_ns == 0 { wall_ns } else { (7 * self.typical_ns + wall_ns) / 8 };
        match kind {
            BurstKind::First => {}
            BurstKind::Check | BurstKind::Warmup => self.warmed_ns += wall_ns,
            BurstKind::Plain => self.plain.add(wall_ns),
            BurstKind::Phase => self.phase.add(wall_ns),
            BurstKind::Profile => self.profile.add(wall_ns),
        }
    }

    /// Closes the file of first responses.
    pub(crate) fn responses_complete(&mut self) -> Result<(), FramesError> {
        self.responses.take().map_or(Ok(()), FramesWriter::finish)
    }

    /// Adds a warm-up window: its requests' wall times.
    pub(crate) fn warmed(&mut self, window: Vec<u64>) {
        self.settling.add(window);
    }

    /// Whether the job goes on after the first response.
    pub(crate) const fn samples_requests(&self) -> bool {
        self.sampling.is_some()
    }

    /// How long a burst of the profile pass should take: where the profiler is
    /// slow to start, longer than others.
    pub(crate) fn profile_in_bursts_of(&mut self, burst_ns: u64) {
        self.profile_burst_ns = burst_ns;
    }

    /// What to serve next, and how many requests; `None` when the budgets
    /// are used up.
    pub(crate) fn next_burst(&mut self) -> Option<(BurstKind, u32)> {
        if let Some(before) = self.page_faults_before.take() {
            self.plain_page_faults += page_faults().saturating_sub(before);
        }
        let sampling = self.sampling?;
        if self.warmup_stable.is_none() {
            let settled = self.settling.is_settled();
            if !settled && self.warmed_ns < sampling.warmup_ns {
                return Some((BurstKind::Warmup, self.window()));
            }
            self.warmup_stable = Some(settled);
        }
        // The passes take turns, so that all of them see the same machine.
        let share = |progress: Progress, budget_ns| progress.share(budget_ns, &sampling);
        let profile_share = sampling.profile.map(|it| share(self.profile, it.wall_ns));
        let (share, kind, done) = [
            (share(self.plain, sampling.plain_ns), BurstKind::Plain, self.plain),
            (share(self.phase, sampling.phase_ns), BurstKind::Phase, self.phase),
            (profile_share.unwrap_or(1.0), BurstKind::Profile, self.profile),
        ]
        .into_iter()
        .min_by(|a, b| a.0.total_cmp(&b.0))?;
        if share >= 1.0 {
            return None;
        }
        self.page_faults_before = (kind == BurstKind::Plain).then(page_faults);
        let burst_ns = if kind == BurstKind::Profile { self.profile_burst_ns } else { BURST_NS };
        Some((kind, self.fitting(burst_ns).min(sampling.most_requests - done.requests)))
    }

    /// Requests that fit into a burst.
    fn fitting(&self, burst_ns: u64) -> u32 {
        let fitting = burst_ns / self.typical_ns.max(1);
        u32::try_from(fitting).unwrap_or(u32::MAX).clamp(1, 100_000)
    }

    /// Requests of a warm-up window: whole rounds of the request set, so that
    /// windows differ by the machine and not by what they serve.
    fn window(&self) -> u32 {
        let round = u32::try_from(self.requests.len()).unwrap_or(u32::MAX);
        self.fitting(BURST_NS).div_ceil(round).saturating_mul(round)
    }

    /// Running mean of a request's wall time; 0 before the first.
    pub(crate) const fn typical_ns(&self) -> u64 {
        self.typical_ns
    }

    pub(crate) const fn cold_start_ns(&self) -> u64 {
        self.cold_start_ns
    }

    pub(crate) const fn served(&self, pass: Pass) -> u32 {
        self.served[pass as usize]
    }

    /// None where nothing was sampled.
    pub(crate) fn plain_page_faults(&self) -> Option<u64> {
        self.sampling.map(|_| self.plain_page_faults)
    }

    pub(crate) const fn warmup_stable(&self) -> Option<bool> {
        self.warmup_stable
    }

    /// Memory of this process that holds requests and a response.
    pub(crate) fn held_bytes(&self) -> u64 {
        let requests: usize = self.requests.iter().map(|request| request.len()).sum();
        (requests + self.response.capacity()) as u64
    }
}
