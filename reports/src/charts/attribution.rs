//! Where a request's time goes by cost class: native beside the targets.

use wasmfit_record::Class;

use super::Figure;
use super::canvas::{ChartError, Ink};
use super::rows::{Headings, Row, guest_of, told};
use super::stack::{Scale, Stack, draw_beside_native, scale_of};
use crate::analysis::{Attributed, Attribution, CaseAnalysis, CostClass, Measured, NotAssessable};
use crate::format::{duration, percent};

/// The attribution chart of a case; `None` where nothing was sampled.
pub(crate) fn attribution(case: &CaseAnalysis) -> Result<Option<Figure>, ChartError> {
    let cells: Vec<_> = case
        .cells
        .iter()
        .filter_map(|cell| Some((cell, cell.measured()?)))
        .filter(|(_, it)| it.latency.is_some() && it.phases.is_some())
        .collect();
    let is_assessed = |it: &Measured| matches!(it.attribution, Attributed::Assessed(_));
    if !cells.iter().any(|(_, measured)| is_assessed(measured)) {
        return Ok(None);
    }
    let native = cells.iter().find(|(cell, _)| cell.target.is_native());
    let native_ns = native.and_then(|(_, it)| Some(it.latency.as_ref()?.median_ns.value));
    let mut headings = Headings::default();
    let rows: Vec<_> = cells
        .iter()
        .map(|(cell, measured)| Row {
            heading: headings.next(guest_of(cell)),
            name: cell.target.to_string(),
            figure: figure(measured),
            mark: stack(measured, native_ns.unwrap_or(1.0)),
        })
        .collect();
    let description = format!("Cost classes of {}. {}.", case.case, told(&rows));
    let svg = draw_beside_native(&rows, &description, native_ns)?;
    let lengths = match (scale_of(&rows), native_ns) {
        (Scale::Share, _) => "The medians differ too much for one scale: each bar is its own 100%.",
        (Scale::Common, Some(_)) => "Lengths are times native’s median.",
        (Scale::Common, None) => "Lengths are times: native was not measured.",
    };
    let used =
        |ink: Ink| rows.iter().any(|row| row.mark.iter().any(|(it, ns)| *it == ink && *ns > 0.0));
    let legend = PARTS.into_iter().map(|part| (part.ink(), part.name().to_owned()));
    let legend: Vec<_> = legend.filter(|(ink, _)| used(*ink)).collect();
    Ok(Some(Figure {
        title: "Interpreter, compute and marshalling".to_owned(),
        svg,
        legend,
        caption: format!(
            "Shares are of PC samples within infer, and of the phase pass for marshalling. {lengths}"
        ),
    }))
}

/// What a bar is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A class of samples within `infer`.
    Class(Class),
    /// All phases but `infer`.
    Marshalling,
    /// `infer` where it is not split.
    Infer,
}

/// From the left: interpreter, compute, marshalling, and what is neither.
const PARTS: [Shown; 10] = [
    Shown::Class(Class::Eval),
    Shown::Class(Class::Objects),
    Shown::Class(Class::Memory),
    Shown::Class(Class::Dispatch),
    Shown::Class(Class::Interpreter),
    Shown::Class(Class::Compute),
    Shown::Class(Class::System),
    Shown::Class(Class::Unknown),
    Shown::Infer,
    Shown::Marshalling,
];

impl Shown {
    pub(crate) const fn ink(self) -> Ink {
        match self {
            Self::Class(Class::Eval) => Ink::Cost(0),
            Self::Class(Class::Objects) => Ink::Cost(1),
            Self::Class(Class::Memory) => Ink::Cost(2),
            Self::Class(Class::Dispatch) => Ink::Cost(3),
            Self::Class(Class::Interpreter) => Ink::Cost(4),
            Self::Class(Class::Compute) => Ink::Cost(5),
            Self::Class(Class::System) => Ink::Cost(6),
            Self::Class(Class::Unknown) => Ink::Cost(7),
            Self::Marshalling => Ink::Cost(8),
            Self::Infer => Ink::Rest,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Class(class) => class.name(),
            Self::Marshalling => "marshalling",
            Self::Infer => "infer, not split",
        }
    }
}

fn stack(measured: &Measured, unit_ns: f64) -> Stack {
    let whole_ns = measured.latency.as_ref().map_or(0.0, |it| it.median_ns.value);
    let marshalling = measured.phases.as_ref().map_or(0.0, |it| it.marshalling_share);
    let share = |part: Shown| match (part, &measured.attribution) {
        (Shown::Marshalling, _) => marshalling,
        (Shown::Class(class), Attributed::Assessed(found)) => {
            found.parts.iter().find(|it| it.class == class).map_or(0.0, |it| it.share)
        }
        (Shown::Infer, Attributed::NotAssessable(_)) => 1.0 - marshalling,
        (Shown::Class(_), Attributed::NotAssessable(_))
        | (Shown::Infer, Attributed::Assessed(_)) => 0.0,
    };
    PARTS.map(|part| (part.ink(), share(part) * whole_ns / unit_ns)).to_vec()
}

fn figure(measured: &Measured) -> String {
    let whole = measured.latency.as_ref().map(|it| duration(it.median_ns.value));
    let what = match &measured.attribution {
        Attributed::Assessed(found) => dominant(found),
        Attributed::NotAssessable(NotAssessable::NoFunctionNames) => "no function names".to_owned(),
        Attributed::NotAssessable(NotAssessable::Interpreted) => "interpreter tier".to_owned(),
        Attributed::NotAssessable(_) => "not sampled".to_owned(),
    };
    format!("{what}, {}", whole.unwrap_or_default())
}

/// `interpreter 94.1%`.
fn dominant(found: &Attribution) -> String {
    let cost = found.dominant();
    cost.map(|cost| format!("{} {}", CostClass::name(cost.class), percent(cost.share.value)))
        .unwrap_or_default()
}
