//! Guests that are made of an installed one, for the workloads they are to
//! serve: the rungs of a deployment, and guests trimmed to many workloads.
//!
//! Each is a guest of its own, in a folder with a `guest.toml` that says how
//! it was made, and is measured and verified as any guest is.

mod binaryen;
mod calls;
mod compressed;
mod coverage;
mod ladder;
mod library;
mod recipe;
mod stage;
mod thunks;
mod trim;
mod workshop;

pub(crate) use ladder::{Ladder, guest_name};
pub(crate) use stage::in_words;
pub(crate) use trim::{Trimmed, trim};
pub(crate) use workshop::{MAKER, Workshop, set_up};
