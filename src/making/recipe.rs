//! What is done to a guest at each rung.

use wasmfit_record::Rung;

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Held {
    /// No snapshot.
    Nothing,
    /// The initialized interpreter.
    Interpreter,
    /// The workload, imported, and its model.
    Workload,
    /// The same after every request has been served once.
    WarmWorkload,
}

/// What is done to a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    /// Leave out the functions that the workload does not reach.
    pub(super) trims: bool,
    /// Leave out the modules that are not imported.
    pub(super) reduces_library: bool,
    /// What to take a snapshot of.
    pub(super) held: Held,
    /// How `wasm-opt` optimises.
    pub(super) optimises: Option<&'static str>,
    /// Leave out names.
    pub(super) strips: bool,
}

const PLAIN: Recipe = Recipe {
    trims: false,
    reduces_library: false,
    held: Held::Nothing,
    optimises: None,
    strips: false,
};

const TRIMMED_WARMED: Recipe = Recipe { trims: true, held: Held::WarmWorkload, ..PLAIN };

impl Recipe {
    pub(super) const fn of(rung: Rung) -> Self {
        match rung {
            Rung::Jit | Rung::Aot => PLAIN,
            Rung::Snapshot => Self { held: Held::Interpreter, ..PLAIN },
            Rung::Prepared => Self { held: Held::Workload, ..PLAIN },
            Rung::Warmed => Self { held: Held::WarmWorkload, ..PLAIN },
            Rung::Trimmed => Self { trims: true, ..PLAIN },
            Rung::Stripped => Self { trims: true, strips: true, ..PLAIN },
            Rung::TrimmedWarmed => TRIMMED_WARMED,
            Rung::Oz => Self { optimises: Some("-Oz"), strips: true, ..TRIMMED_WARMED },
            Rung::O3 => Self { optimises: Some("-O3"), strips: true, ..TRIMMED_WARMED },
            Rung::Least => Self { reduces_library: true, strips: true, ..TRIMMED_WARMED },
        }
    }
}
