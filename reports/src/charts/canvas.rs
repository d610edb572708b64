//! The drawing area shared by all charts.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::format::cut;

/// Width of every chart.
pub(super) const WIDTH: f64 = 480.0;

/// Plotters draws on whole pixels; tenths of a unit are fine enough.
const PIXELS: f64 = 10.0;

/// Letters; plotters' font size is 1.24 times what it writes into an SVG.
const LETTERS: f64 = 14.0 * PIXELS * 1.24;

/// A chart that could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw a chart: {0}")]
pub struct ChartError(String);

/// A colour by its role; the page's style sheet says which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Letters.
    Text,
    /// Letters that matter less.
    Muted,
    /// Grid lines.
    Grid,
    /// The line that others are compared with.
    Reference,
    /// What no phase accounts for.
    Rest,
    /// Native.
    Native,
    /// A target whose tier compiles.
    Compiled,
    /// A target whose tier interprets.
    Interpreted,
    /// A request phase, by position in its legend.
    RequestPhase(u8),
    /// A cold-start phase likewise. Its colours are its own: this chart and
    /// that of request phases stand side by side.
    ColdPhase(u8),
    /// A cost class, by position in its legend. Its chart stands beside that
    /// of request phases too.
    Cost(u8),
}

/// Distinct colours for phases.
const REQUEST_PHASES: u8 = 5;
const COLD_PHASES: u8 = 9;
const COSTS: u8 = 9;

impl Ink {
    const PLAIN: [Self; 8] = [
        Self::Text,
        Self::Muted,
        Self::Grid,
        Self::Reference,
        Self::Rest,
        Self::Native,
        Self::Compiled,
        Self::Interpreted,
    ];

    fn all() -> impl Iterator<Item = Self> {
        let request_phases = (0..REQUEST_PHASES).map(Self::RequestPhase);
        let cold_phases = (0..COLD_PHASES).map(Self::ColdPhase);
        let costs = (0..COSTS).map(Self::Cost);
        Self::PLAIN.into_iter().chain(request_phases).chain(cold_phases).chain(costs)
    }

    /// The colour that stands for it until the style sheet is applied.
    const fn stand_in(self) -> RGBColor {
        match self {
            Self::Text => RGBColor(0xfa, 0xce, 0),
            Self::Muted => RGBColor(0xfa, 0xce, 1),
            Self::Grid => RGBColor(0xfa, 0xce, 2),
            Self::Reference => RGBColor(0xfa, 0xce, 3),
            Self::Rest => RGBColor(0xfa, 0xce, 4),
            Self::Native => RGBColor(0xfa, 0xce, 5),
            Self::Compiled => RGBColor(0xfa, 0xce, 6),
            Self::Interpreted => RGBColor(0xfa, 0xce, 7),
            Self::RequestPhase(position) => RGBColor(0xfa, 0xce, 0x20 + position % REQUEST_PHASES),
            Self::ColdPhase(position) => RGBColor(0xfa, 0xce, 0x30 + position % COLD_PHASES),
            Self::Cost(position) => RGBColor(0xfa, 0xce, 0x40 + position % COSTS),
        }
    }

    /// Its value in the style sheet.
    pub(crate) fn css(self) -> String {
        match self {
            Self::Text => "var(--text)".to_owned(),
            Self::Muted => "var(--muted)".to_owned(),
            Self::Grid => "var(--grid)".to_owned(),
            Self::Reference => "var(--reference)".to_owned(),
            Self::Rest => "var(--rest)".to_owned(),
            Self::Native => "var(--native)".to_owned(),
            Self::Compiled => "var(--compiled)".to_owned(),
            Self::Interpreted => "var(--interpreted)".to_owned(),
            Self::RequestPhase(position) => format!("var(--request-{})", position % REQUEST_PHASES),
            Self::ColdPhase(position) => format!("var(--cold-{})", position % COLD_PHASES),
            Self::Cost(position) => format!("var(--cost-{})", position % COSTS),
        }
    }
}

/// Where a text stands relative to its point, on its baseline's level.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// Attributes as plotters writes them, and as `report.css` has them.
const COMMON: [(&str, &str); 7] = [
    (" opacity=\"1\"", ""),
    (" stroke=\"none\"", ""),
    (" font-family=\"sans-serif\" font-size=\"140\"", ""),
    (" fill=\"none\" stroke=\"var(--grid)\" stroke-width=\"10\"", " class=\"grid\""),
    (" fill=\"none\" stroke=\"var(--reference)\" stroke-width=\"20\"", " class=\"mark\""),
    (" fill=\"var(--muted)\"", ""),
    (" text-anchor=\"start\"", ""),
];

/// Draws an `<svg>` element of `height` units that is described by `text`
/// to those who cannot see it.
pub(super) fn draw(
    height: f64,
    text: &str,
    paint: impl FnOnce(&Canvas<'_>) -> Result<(), ChartError>,
) -> Result<String, ChartError> {
    let mut svg = String::new();
    {
        let size = (pixels(WIDTH).unsigned_abs(), pixels(height).unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let canvas = Canvas { area };
        paint(&canvas)?;
        canvas.area.present().map_err(chart_error)?;
    }
    for ink in Ink::all() {
        let RGBColor(red, green, blue) = ink.stand_in();
        let stand_in = format!("\"#{red:02X}{green:02X}{blue:02X}\"");
        svg = svg.replace(&stand_in, &format!("\"{}\"", ink.css()));
    }
    // What all have in common is in the style sheet: a report has thousands.
    for (long, short) in COMMON {
        svg = svg.replace(long, short);
    }
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    let text = escape(text);
    let mut element = String::with_capacity(body.len() + 2 * text.len() + 200);
    write!(
        element,
        "<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{text}\">{body}",
        pixels(WIDTH),
        pixels(height),
    )
    .map_err(chart_error)?;
    Ok(element)
}

impl Canvas<'_> {
    pub(super) fn rectangle(
        &self,
        (left, top): (f64, f64),
        (right, bottom): (f64, f64),
        ink: Ink,
    ) -> Result<(), ChartError> {
        let corners = [(pixels(left), pixels(top)), (pixels(right), pixels(bottom))];
        self.area.draw(&Rectangle::new(corners, ink.stand_in().filled())).map_err(chart_error)
    }

    pub(super) fn line(
        &self,
        points: &[(f64, f64)],
        width: f64,
        ink: Ink,
    ) -> Result<(), ChartError> {
        let points: Vec<_> = points.iter().map(|(x, y)| (pixels(*x), pixels(*y))).collect();
        let style = ink.stand_in().stroke_width(pixels(width).unsigned_abs());
        self.area.draw(&PathElement::new(points, style)).map_err(chart_error)
    }

    pub(super) fn dot(&self, (x, y): (f64, f64), radius: f64, ink: Ink) -> Result<(), ChartError> {
        let circle = Circle::new((pixels(x), pixels(y)), pixels(radius), ink.stand_in().filled());
        self.area.draw(&circle).map_err(chart_error)
    }

    /// Writes `text`; longer than `limit` letters, it is cut.
    pub(super) fn text(
        &self,
        text: &str,
        limit: usize,
        (x, y): (f64, f64),
        anchor: Anchor,
        ink: Ink,
    ) -> Result<(), ChartError> {
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let color = ink.stand_in();
        let style = TextStyle::from(("sans-serif", LETTERS).into_font())
            .color(&color)
            .pos(Pos::new(horizontal, VPos::Bottom));
        let text = cut(text, limit);
        self.area.draw(&Text::new(text, (pixels(x), pixels(y)), style)).map_err(chart_error)
    }
}

fn chart_error(error: impl std::fmt::Display) -> ChartError {
    ChartError(error.to_string())
}

fn pixels(units: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and charts are small")]
    let pixels = (units * PIXELS).round() as i32;
    pixels
}

/// Text within an element or a quoted attribute.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_svg_is_described_coloured_by_the_page_and_escaped() {
        let svg = draw(20.0, "a \"b\" <c>", |canvas| {
            canvas.text("<script>\"#FACE00\"", 40, (0.0, 0.0), Anchor::Start, Ink::Muted)?;
            canvas.dot((1.0, 2.0), 3.0, Ink::RequestPhase(6))
        })
        .unwrap();
        assert!(svg.contains("aria-label=\"a &quot;b&quot; &lt;c&gt;\""), "{svg}");
        assert!(svg.contains("&lt;script&gt;&quot;#FACE00&quot;"), "{svg}");
        assert!(svg.contains("fill=\"var(--request-1)\""), "{svg}");
        assert!(!svg.contains("http"), "{svg}");
        assert!(svg.trim_end().ends_with("</svg>"), "{svg}");
    }
}
