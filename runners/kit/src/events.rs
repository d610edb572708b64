//! The way from a runner to the harness.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmfit_protocol::{ColdPhase, Event};

/// Where a job stands, for the message of a failure that ends it from
/// outside: the watcher's thread reads it while the job's thread is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Cold(ColdPhase),
    Versions,
    Check,
    Warmup,
    Sampling,
    MakingRequests,
    Ending,
}

impl Stage {
    const AFTER_COLD: [Self; 6] = [
        Self::Versions,
        Self::Check,
        Self::Warmup,
        Self::Sampling,
        Self::MakingRequests,
        Self::Ending,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cold(phase) => phase.name(),
            Self::Versions => "version query",
            Self::Check => "first responses",
            Self::Warmup => "warm-up",
            Self::Sampling => "sampling",
            Self::MakingRequests => "request making",
            Self::Ending => "end",
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        ColdPhase::ALL.into_iter().map(Self::Cold).chain(Self::AFTER_COLD)
    }
}

/// The pipe to the harness, and the stage. Shared with the watcher.
#[derive(Clone, Debug)]
pub(crate) struct Events(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// `None` once the last event is written.
    pipe: Mutex<Option<File>>,
    stage: AtomicU8,
}

impl Events {
    pub(crate) fn new(pipe: File) -> Self {
        Self(Arc::new(Shared { pipe: Mutex::new(Some(pipe)), stage: AtomicU8::new(0) }))
    }

    /// Writes an event. A harness that has gone away cannot be told so, and
    /// will end this process.
    pub(crate) fn emit(&self, event: &Event) {
        if let Some(pipe) = self.pipe().as_mut() {
            write(pipe, event);
        }
    }

    /// Writes the last event; later ones are dropped. Says whether this one
    /// was the last.
    pub(crate) fn emit_last(&self, event: &Event) -> bool {
        let pipe = self.pipe().take();
        pipe.map(|mut pipe| write(&mut pipe, event)).is_some()
    }

    fn pipe(&self) -> MutexGuard<'_, Option<File>> {
        self.0.pipe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(&self, stage: Stage) {
        let index = Stage::all().position(|other| other == stage).unwrap_or(0);
        // There are far fewer than 256 stages.
        self.0.stage.store(u8::try_from(index).unwrap_or(0), Ordering::Relaxed);
        if let Stage::Cold(phase) = stage {
            self.emit(&Event::Began { phase });
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        let index = self.0.stage.load(Ordering::Relaxed);
        Stage::all().nth(usize::from(index)).unwrap_or(Stage::Ending)
    }
}

fn write(pipe: &mut File, event: &Event) {
    if let Ok(mut line) = serde_json::to_vec(event) {
        line.push(b'\n');
        let _ = pipe.write_all(&line);
    }
}
