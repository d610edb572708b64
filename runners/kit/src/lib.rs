//! What every runner shares.
//!
//! A runner executes one job in one process. The kit reads the job, brings
//! the workload's Python up through the driver, times cold start and
//! requests, keeps the limits, checks that responses are steady, and reports.
//! A runner crate adds what is peculiar to its runtime: it implements
//! [`Runtime`] and calls [`run`].
//!
//! The guest pulls. Its interpreter runs [`DRIVER`] and then `serve`, which
//! calls the host with a message and gets an answer, until it is told to
//! stop. Behind that call stands [`Session::answer`], where all timing is.

mod artifact;
mod clock;
mod events;
mod inject;
mod invocation;
mod measuring;
mod memory;
mod named_call;
mod probes;
mod profile;
mod runner;
mod session;
mod settle;
mod stdio;
mod trouble;
mod watch;

pub use artifact::ArtifactFile;
pub use invocation::{
    DRIVER, HOST_CALL_FAULT, HOST_CALL_OK, Invocation, WORKLOAD, guest_of, host_call_program,
    needs_components, needs_javascript, needs_no_javascript, no_tier, read_module,
};
pub use memory::limit_allocation;
pub use named_call::{NAMED_CALL_ANSWER_BYTES, NamedCall, NamedCalls};
pub use probes::{module_that_needs, refusal};
pub use profile::{GuestCode, function_names, plain_name};
pub use runner::{Runtime, decline, run};
pub use session::{
    Elsewhere, Ended, GO_ON, OUT_OF_MEMORY, Over, Replay, Series, Session, Told, Turn,
};
pub use stdio::Stdio;
pub use trouble::Trouble;
pub use wasmfit_protocol as protocol;
