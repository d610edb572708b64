//! The run directory: what a run writes and a report reads.
//!
//! ```text
//! RUN_DIR/
//!   run.json       everything but the samples: environment, versions,
//!                  hashes, plan, cells, launches (schema: this crate's types)
//!   samples.csv    every raw sample, appended as each launch ends
//!   profile.csv    every PC sample by phase, class and function, likewise
//!   requests/      the request bytes of each case, as frames
//!   responses/     the response bytes of each cell, as frames
//! ```
//!
//! `run.json` is replaced atomically after the samples of a launch are on
//! disk and states how long both CSV files were then, so a run that is killed
//! loses at most the launch in flight: what follows that length is dropped
//! when the run is resumed, and ignored when it is read.

mod appended;
mod boundary;
mod cell;
mod class;
mod directory;
mod making;
mod merge;
mod plan;
mod profile;
mod rewrite;
mod run;

mod samples;
mod scenario;
mod session;
mod target;
mod workload;

pub use boundary::{CrossingCost, CrossingPlan, Direction, MemoryCopies};
pub use cell::{Cell, CellOutcome, Deviation, Launch, LaunchOutcome};
pub use class::{Class, ClassError};
pub use directory::{RecordError, RunDirectory};
pub use making::{ClosedWorld, Compressed, Making, MakingStep, Rung};
pub use merge::{MergeError, merge};
pub use plan::{Budget, LaunchKind, Plan, PlannedLaunch, Profile, UntilDecided};
pub use profile::{ProfileRecord, read_profile_records};
pub use rewrite::{RewriteRecord, RewrittenPart};
pub use run::{
    Calibration, ContainerRecord, Environment, GuestRecord, RulesRecord, Run, RunnerRecord, Status,
};
pub use samples::{Row, SamplesWriter, read_launch_samples, read_samples};
pub use scenario::{Budgets, Need, Price, Scenario};
pub use session::{Session, Shard, ShardRun, Side};
pub use target::{Case, Target, TargetError};
pub use workload::{DeviationCause, OutputFormat, Tolerance, WorkloadRecord};

/// Version of the run directory's format.
pub const SCHEMA_VERSION: u32 = 5;
