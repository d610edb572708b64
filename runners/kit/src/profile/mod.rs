//! The profile pass: where the serving thread is while it serves.

mod code;
mod names;
mod pass;
mod sampler;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use wasmfit_protocol::{
    Place, ProfileError, ProfileRow, Profiled, RequestPhase, Taken, write_profile,
};

pub use self::code::plain_name;
pub use self::names::function_names;
pub(crate) use self::pass::ProfilePass;

use self::code::{CodeMap, Symbolizer};
use self::sampler::{RawSample, Sampler};
use crate::clock::CpuClock;

/// Callers that are kept of a sample: a libc function is charged to whoever
/// needed it, which is seldom further away.
const CALLERS: usize = 24;

/// Names of a guest's compiled functions.
pub trait GuestCode {
    /// The name of the guest's function whose code is at `address`. Called
    /// when the guest has ended, before its code is unmapped.
    fn function_at(&self, address: usize) -> Option<String>;
}

/// Takes a job's profile.
#[derive(Debug)]
pub(crate) struct Profiler {
    sampler: Sampler,
    code: CodeMap,
    samples: Vec<Sample>,
    debug_files: Vec<PathBuf>,
    /// Processor time of this thread and of the whole process when the burst
    /// began.
    began_ns: (u64, u64),
    own_cpu_ns: u64,
    other_cpu_ns: u64,
}

/// A sample: addresses, the place itself first and then its callers.
#[derive(Debug)]
struct Sample {
    request: u32,
    phase: RequestPhase,
    addresses: Vec<usize>,
}

impl Profiler {
    /// Gets ready to sample the calling thread.
    ///
    /// # Errors
    ///
    /// When the system takes no samples.
    pub(crate) fn new(hertz: u32, debug_files: &[PathBuf]) -> io::Result<Self> {
        Ok(Self {
            sampler: Sampler::new(hertz)?,
            code: CodeMap::default(),
            samples: Vec::new(),
            debug_files: debug_files.to_vec(),
            began_ns: (0, 0),
            own_cpu_ns: 0,
            other_cpu_ns: 0,
        })
    }

    /// Begins to sample.
    pub(crate) fn start(&mut self) -> io::Result<()> {
        self.began_ns = cpu_times();
        self.sampler.start()
    }

    /// Stops, and keeps what was sampled.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        self.sampler.stop()?;
        let ((own, all), (own_before, all_before)) = (cpu_times(), self.began_ns);
        let own = own.saturating_sub(own_before);
        self.own_cpu_ns += own;
        self.other_cpu_ns += all.saturating_sub(all_before).saturating_sub(own);
        let taken = self.sampler.take();
        // Code that was loaded since the map was read.
        if taken.iter().any(|sample| !self.code.contains(sample.pc)) {
            self.code = CodeMap::read();
        }
        let code = &self.code;
        self.samples.extend(taken.iter().filter_map(|sample| Sample::of(sample, code)));
        Ok(())
    }

    /// From here on the thread serves `request` and is in `phase`.
    pub(crate) fn inside(&self, request: u32, phase: RequestPhase) {
        self.sampler.inside(request, phase);
    }

    /// From here on it is in no phase.
    pub(crate) fn outside(&self) {
        self.sampler.outside();
    }

    /// Memory of this process that holds samples.
    pub(crate) fn held_bytes(&self) -> u64 {
        let kept: usize = self.samples.iter().map(|it| size_of_val(&it.addresses[..])).sum();
        self.sampler.held_bytes() + (kept + size_of_val(&self.samples[..])) as u64
    }

    /// Finds the names, and writes the profile to `path`. `guest` names the
    /// code of the guest, whose module is called `module`.
    pub(crate) fn write(
        &self,
        path: &Path,
        guest: Option<&dyn GuestCode>,
        module: &str,
    ) -> Result<Profiled, ProfileError> {
        let mut symbolizer = Symbolizer::new(&self.code, &self.debug_files);
        let mut known: BTreeMap<usize, Place> = BTreeMap::new();
        let mut counts: BTreeMap<(u32, RequestPhase, Vec<Place>), u64> = BTreeMap::new();
        for sample in &self.samples {
            let places = sample.addresses.iter().enumerate().map(|(depth, address)| {
                // A caller's address is behind its call, which may be the last
                // instruction of the function.
                let address = address - usize::from(depth > 0);
                let find = || match guest.and_then(|code| code.function_at(address)) {
                    Some(name) => {
                        Place { object: module.to_owned(), symbol: Some(plain_name(&name)) }
                    }
                    None => symbolizer.place(address),
                };
                known.entry(address).or_insert_with(find).clone()
            });
            let key = (sample.request, sample.phase, places.collect());
            *counts.entry(key).or_default() += 1;
        }
        let rows = counts.into_iter().map(|((request, phase, places), count)| ProfileRow {
            request,
            phase,
            places,
            count,
        });
        write_profile(path, &rows.collect::<Vec<_>>())?;
        Ok(Profiled::Taken(Taken {
            samples: self.samples.len() as u64,
            lost: self.sampler.lost(),
            own_cpu_ns: self.own_cpu_ns,
            other_cpu_ns: self.other_cpu_ns,
            nameless: symbolizer.nameless(),
        }))
    }
}

impl Sample {
    fn of(raw: &RawSample, code: &CodeMap) -> Option<Self> {
        let (request, phase) = raw.position()?;
        let callers = raw.stack().iter().copied().filter(|word| code.is_return_address(*word));
        let addresses = std::iter::once(raw.pc).chain(callers.take(CALLERS)).collect();
        Some(Self { request, phase, addresses })
    }
}

/// Processor time of this thread, and of the process.
fn cpu_times() -> (u64, u64) {
    [CpuClock::Thread, CpuClock::Process].map(|clock| clock.now_ns().unwrap_or(0)).into()
}
