//! Where a request's time goes: native beside the targets.

use wasmfit_protocol::RequestPhase;

use super::Figure;
use super::bars::{Bar, draw_bars};
use super::canvas::{ChartError, Ink};
use crate::analysis::{CaseAnalysis, Phases};
use crate::format::{duration, percent, ratio, round_duration};
use crate::labels::Labels;

/// Lengths that differ more than this leave nothing to see of the shorter
/// bar: then every bar is drawn at full width.
const LARGEST_RATIO: f64 = 10.0;

/// What bars are drawn in.
#[derive(Clone, Copy)]
enum Scale {
    /// Times native's sum.
    TimesNative { native_ns: f64 },
    /// Time.
    Duration,
    /// Shares of each bar's own sum.
    Share,
}

/// The phase chart of a case; `None` without phases.
pub(crate) fn phases(case: &CaseAnalysis, labels: Labels) -> Result<Option<Figure>, ChartError> {
    let rows: Vec<_> = case
        .cells
        .iter()
        .filter_map(|cell| Some((&cell.target, cell.measured()?.phases.as_ref()?)))
        .filter(|(_, phases)| phases.total_ns > 0.0)
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let native_ns = rows.iter().find(|(target, _)| target.is_native()).map(|(_, it)| it.total_ns);
    let scale = scale(native_ns, rows.iter().map(|(_, phases)| phases.total_ns));
    let bars: Vec<_> = rows
        .iter()
        .map(|(target, phases)| bar(labels.target(target), phases, native_ns, scale))
        .collect();
    let marshalling: Vec<_> = rows
        .iter()
        .zip(&bars)
        .map(|((_, phases), bar)| format!("{} {}", bar.name, percent(phases.marshalling_share)))
        .collect();
    let marshalling = marshalling.join(", ");
    let told: Vec<_> = bars.iter().map(|bar| format!("{}: {}", bar.name, bar.figure)).collect();
    let description = format!(
        "Request phases of {}. {}. Marshalling: {marshalling}.",
        case.case,
        told.join("; ")
    );
    let (reference, caption) = match scale {
        Scale::TimesNative { .. } => (Some(1.0), "Lengths are times native's sum of phases."),
        Scale::Duration => (None, "Lengths are times: native was not measured."),
        Scale::Share => (None, "The sums differ too much for one scale: each bar is its own 100%."),
    };
    let svg = draw_bars(&bars, &description, reference, |tick| match scale {
        Scale::TimesNative { .. } => format!("{tick}×"),
        Scale::Duration => round_duration(tick),
        Scale::Share => format!("{:.0}%", tick * 100.0),
    })?;
    Ok(Some(Figure {
        title: "Where a request’s time goes",
        svg,
        legend: RequestPhase::ALL.map(|it| (ink(it), it.name().to_owned())).to_vec(),
        caption: format!(
            "Marshalling, which is all but infer: {marshalling}. {caption} Medians of the phase pass."
        ),
    }))
}

fn scale(native_ns: Option<f64>, totals: impl Iterator<Item = f64>) -> Scale {
    let (low, high) =
        totals.fold((f64::INFINITY, 0.0_f64), |(low, high), it| (low.min(it), high.max(it)));
    match native_ns {
        _ if high / low > LARGEST_RATIO => Scale::Share,
        Some(native_ns) => Scale::TimesNative { native_ns },
        None => Scale::Duration,
    }
}

fn bar(name: String, phases: &Phases, native_ns: Option<f64>, scale: Scale) -> Bar {
    let unit = match scale {
        Scale::TimesNative { native_ns } => native_ns,
        Scale::Duration => 1.0,
        Scale::Share => phases.total_ns,
    };
    let times = native_ns
        .map(|native| phases.total_ns / native)
        .filter(|times| (times - 1.0).abs() > f64::EPSILON)
        .map(|times| format!(", {}", ratio(times)))
        .unwrap_or_default();
    Bar {
        name,
        figure: format!("{}{times}", duration(phases.total_ns)),
        parts: phases.parts.iter().map(|it| (ink(it.phase), it.median_ns / unit)).collect(),
    }
}

const fn ink(phase: RequestPhase) -> Ink {
    Ink::RequestPhase(match phase {
        RequestPhase::Deliver => 0,
        RequestPhase::Decode => 1,
        RequestPhase::Infer => 2,
        RequestPhase::Encode => 3,
        RequestPhase::Collect => 4,
    })
}
