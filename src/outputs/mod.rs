//! Responses: how they are read, compared with native's, and changed to see
//! whether a comparison notices.

mod compare;
mod content;
mod perturb;

pub(crate) use compare::{Agreement, compare};
pub(crate) use content::not_finite;
pub(crate) use perturb::perturbed;
