//! Charts as inline SVG: drawn by plotters, coloured by the page.
//!
//! Every chart is drawn 480 units wide, so that its letters are readable
//! both on a phone and as half a desktop page. Colours are variables of the
//! page's style sheet, which has a light and a dark set.

mod axis;
mod bars;
mod canvas;
mod cold_start;
mod distribution;
mod phases;
mod ratios;

pub use canvas::ChartError;
pub(crate) use canvas::Ink;
pub(crate) use cold_start::cold_start;
pub(crate) use distribution::distribution;
pub(crate) use phases::phases;
pub(crate) use ratios::ratios;

/// A chart with what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// What it shows.
    pub(crate) title: &'static str,
    /// The `<svg>` element.
    pub(crate) svg: String,
    /// What its colours mean.
    pub(crate) legend: Vec<(Ink, String)>,
    /// How to read it.
    pub(crate) caption: String,
}
