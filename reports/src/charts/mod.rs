//! Charts as inline SVG: drawn by plotters, coloured by the page.
//!
//! Every chart is drawn 480 units wide, so that its letters are readable
//! both on a phone and as half a desktop page. Colours are variables of the
//! page's style sheet, which has a light and a dark set. A chart has a row
//! per target, however many there are.

mod attribution;
mod axis;
mod boundary;
mod canvas;
mod cold_start;
mod ladder;
mod phases;
mod ratios;
mod rows;
mod spread;
mod stack;

pub(crate) use attribution::{Shown, attribution};
pub(crate) use boundary::{by_encoding, by_target};
pub use canvas::ChartError;
pub(crate) use canvas::Ink;
pub(crate) use cold_start::cold_start;
pub(crate) use ladder::ladder;
pub(crate) use phases::{ink as ink_of_phase, phases};
pub(crate) use ratios::{histories, overview, ratios};
pub(crate) use spread::spread;

/// A chart with what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// What it shows.
    pub(crate) title: String,
    /// The `<svg>` element.
    pub(crate) svg: String,
    /// What its colours mean.
    pub(crate) legend: Vec<(Ink, String)>,
    /// How to read it.
    pub(crate) caption: String,
}
