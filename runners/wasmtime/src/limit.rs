//! The tiers that are `cranelift` with a limit: what it costs while the guest
//! runs is how much slower they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use wasmfit_kit::protocol::{Boundary, LimitKind, Refusal, Refused, Tier};
use wasmtime::{Config, Engine, Store};

/// The tier that they are otherwise the same as.
pub(crate) const BASE: &str = "cranelift";

/// More fuel, and a later deadline, than any guest comes to the end of: what
/// is asked is what the counting costs.
pub(crate) const PLENTY: u64 = u64::MAX / 2;

/// How often the epoch is incremented: an embedder keeps deadlines to within
/// so much.
const TICK: Duration = Duration::from_millis(10);

/// By how much memory is to grow in place where no address space is reserved
/// for it.
const GROWTH_BYTES: u64 = 16 << 20;

/// What a tier adds to [`BASE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Instructions are counted.
    Fuel,
    /// A counter that the host increments is compared with a deadline at the
    /// head of each function and loop.
    Epoch,
    /// Memory has neither reserved address space nor guard pages, so each
    /// access is compared with its size.
    Bounds,
    /// Nobody is asked when memory grows, where otherwise its limit is.
    NoMemory,
    /// A new instance serves each request.
    Fresh,
}

impl Limit {
    pub(crate) const ALL: [Self; 5] =
        [Self::Fuel, Self::Epoch, Self::Bounds, Self::NoMemory, Self::Fresh];

    /// That of a tier; none for those without.
    pub(crate) fn of(tier: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == tier)
    }

    /// The tier that has it.
    pub(crate) fn tier(self) -> Tier {
        let kind = match self {
            Self::Fuel => LimitKind::Budget,
            Self::Epoch => LimitKind::Deadline,
            Self::Bounds => LimitKind::BoundsChecks,
            Self::NoMemory => LimitKind::NoMemoryLimit,
            Self::Fresh => LimitKind::Fresh,
        };
        let mut tier = Tier::limited(self.name(), BASE, kind);
        if self == Self::Fresh {
            let guests = Refused::Boundary(Boundary::Stdio);
            let reason = "a new guest for each request is made of those that call the host".into();
            tier.refuses.push(Refusal { guests, reason });
        }
        tier
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Fuel => "cranelift-fuel",
            Self::Epoch => "cranelift-epoch",
            Self::Bounds => "cranelift-bounds",
            Self::NoMemory => "cranelift-unlimited",
            Self::Fresh => "cranelift-fresh",
        }
    }

    /// Has code compiled for it.
    pub(crate) fn configure(self, config: &mut Config) {
        match self {
            Self::Fuel => config.consume_fuel(true),
            Self::Epoch => config.epoch_interruption(true),
            Self::Bounds => config
                .memory_reservation(0)
                .memory_guard_size(0)
                .memory_reservation_for_growth(GROWTH_BYTES),
            Self::NoMemory | Self::Fresh => config,
        };
    }

    /// The thread that increments the epoch, where it is asked for.
    pub(crate) fn clock(self, engine: &Engine) -> Option<Clock> {
        (self == Self::Epoch).then(|| Clock::start(engine.clone()))
    }
}

/// Gives a guest `much` to go on with, as far as its engine counts.
pub(crate) fn grant<T>(store: &mut Store<T>, much: u64) {
    // An engine that counts no fuel takes none, and one that looks at no epoch
    // never comes to a deadline.
    let _ = store.set_fuel(much);
    store.set_epoch_deadline(much);
}

/// Increments an engine's epoch until it is dropped.
pub(crate) struct Clock {
    ended: Arc<AtomicBool>,
}

impl Clock {
    fn start(engine: Engine) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                thread::sleep(TICK);
                engine.increment_epoch();
            }
        });
        Self { ended }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::{Instance, Module, Trap};

    use super::*;

    /// Runs `module` to its end by a tier, with `much` to go on with.
    fn run(tier: &str, module: &str, much: u64) -> wasmtime::Result<()> {
        let engine = crate::engine(tier).expect("an engine");
        let module = Module::new(&engine, wat::parse_str(module).expect("a module"))?;
        let mut store = Store::new(&engine, ());
        grant(&mut store, much);
        let _ticking = Limit::of(tier).and_then(|it| it.clock(&engine));
        let instance = Instance::new(&mut store, &module, &[])?;
        instance.get_typed_func::<(), ()>(&mut store, "run")?.call(&mut store, ())
    }

    fn trap_of(ended: wasmtime::Result<()>) -> Option<Trap> {
        ended.expect_err("a trap").downcast_ref().copied()
    }

    /// Counts to ten million.
    const LONG: &str = r#"(module (func (export "run") (local $count i32)
        (loop $again
          (local.set $count (i32.add (local.get $count) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $count) (i32.const 10000000))))))"#;

    /// Never ends.
    const ENDLESS: &str = r#"(module (func (export "run") (loop $again (br $again))))"#;

    /// Reads behind the end of its memory.
    const BEYOND: &str = r#"(module (memory 1) (func (export "run")
        (drop (i32.load (i32.const 65533)))))"#;

    #[test]
    fn fuel_that_is_spent_ends_the_guest() {
        assert_eq!(trap_of(run("cranelift-fuel", LONG, 1_000_000)), Some(Trap::OutOfFuel));
        assert_eq!(trap_of(run("cranelift-fuel", ENDLESS, 1_000_000)), Some(Trap::OutOfFuel));
    }

    #[test]
    fn a_deadline_that_has_come_ends_the_guest() {
        assert_eq!(trap_of(run("cranelift-epoch", ENDLESS, 1)), Some(Trap::Interrupt));
    }

    #[test]
    fn plenty_ends_nothing() {
        for tier in [BASE].into_iter().chain(Limit::ALL.map(Limit::name)) {
            run(tier, LONG, PLENTY).expect(tier);
        }
    }

    #[test]
    fn without_guard_pages_memory_still_ends_where_it_ends() {
        for tier in [BASE, "cranelift-bounds"] {
            assert_eq!(trap_of(run(tier, BEYOND, PLENTY)), Some(Trap::MemoryOutOfBounds));
        }
    }

    #[test]
    fn code_compiled_for_a_limit_is_told_apart() {
        let hash = |tier| {
            let mut hasher = std::hash::DefaultHasher::new();
            let engine = crate::engine(tier).expect("an engine");
            std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut hasher);
            std::hash::Hasher::finish(&hasher)
        };
        for limit in [Limit::Fuel, Limit::Epoch, Limit::Bounds] {
            assert_ne!(hash(limit.name()), hash(BASE), "{limit:?}");
        }
    }
}
