//! The deployment ladder: guests that are made of another one for a workload.
//!
//! Each rung is a guest of its own, in a folder with a `guest.toml` that says
//! how it was made, and is measured and verified as any guest is.

mod binaryen;
mod compressed;
mod make;
mod recipe;
mod thunks;

pub(crate) use make::{Maker, Shared, guest_name};
