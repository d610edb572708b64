//! The answer in a sentence.

use crate::analysis::{
    Analysis, CaseAnalysis, CellAnalysis, CellState, Comparison, Execution, Measured, Ranking,
    distinct,
};
use crate::format::{counted, cut, duration, ratio, ratio_interval_in_brackets};
use crate::statistics::quantile;

/// Letters of a reason, which stands in full below.
const LETTERS: usize = 100;

/// Targets that are named beside the fastest; more are counted.
const NAMED: usize = 2;

/// What a target is for a case: `before`, the figure, `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Headline {
    /// Begins with the name of a target or a guest.
    pub(crate) before: String,
    /// What to print bold.
    pub(crate) figure: String,
    pub(crate) after: String,
}

impl Headline {
    fn new(before: String, figure: String, after: impl Into<String>) -> Self {
        Self { before, figure, after: after.into() }
    }
}

/// The headlines of each case: one per guest.
pub(crate) fn of(analysis: &Analysis) -> Vec<(&CaseAnalysis, Vec<Headline>)> {
    analysis.cases().map(|case| (case, of_case(case))).collect()
}

/// The headlines over all cases, one per guest, where there are too many to
/// be read one by one.
pub(crate) fn overall(analysis: &Analysis) -> Vec<Headline> {
    if !analysis.has_many_cases() {
        return Vec::new();
    }
    let guests = distinct(analysis.cases().flat_map(CaseAnalysis::guests));
    guests.into_iter().map(|guest| of_guest_overall(analysis, guest)).collect()
}

/// A guest on the fastest target of each case.
fn of_guest_overall(analysis: &Analysis, guest: &str) -> Headline {
    let figures: Vec<_> = analysis
        .cases()
        .filter_map(|case| {
            let fastest = case.leading(guest)?.fastest.first()?;
            Some((case, case.cell(fastest)?.measured()?.ratio?))
        })
        .collect();
    let mut ratios: Vec<_> = figures.iter().map(|(_, it)| it.times_native.value).collect();
    ratios.sort_by(f64::total_cmp);
    let (Some(smallest), Some(middle), Some(largest)) =
        (ratios.first(), quantile(&ratios, 0.5), ratios.last())
    else {
        return Headline::new(guest.to_owned(), "not compared with native".to_owned(), "");
    };
    let cases = counted(ratios.len() as u64, "case", "cases");
    let named = |comparison| {
        let found = figures.iter().filter(|(_, it)| it.comparison == comparison);
        let names = found.map(|(case, _)| match paging_natively(case) {
            Some(paging) => format!("{} ({paging})", case.case),
            None => case.case.to_string(),
        });
        names.collect::<Vec<_>>().join(", ")
    };
    let faster = Some(named(Comparison::Faster)).filter(|it| !it.is_empty());
    let faster = faster.map(|it| format!("; faster than native in {it}"));
    let equal = Some(named(Comparison::NoDifferenceShown)).filter(|it| !it.is_empty());
    let equal = equal.map(|it| format!("; no difference shown in {it}"));
    Headline::new(
        format!("{guest} on its fastest target takes"),
        ratio(middle),
        format!(
            " native's time in the median of {cases}, {} to {}{}{}",
            ratio(*smallest),
            ratio(*largest),
            faster.unwrap_or_default(),
            equal.unwrap_or_default(),
        ),
    )
}

fn of_case(case: &CaseAnalysis) -> Vec<Headline> {
    let guests = case.guests();
    if guests.is_empty() {
        return case.cells.iter().map(of_cell).collect();
    }
    guests.into_iter().map(|guest| of_guest(case, guest)).collect()
}

fn of_guest(case: &CaseAnalysis, guest: &str) -> Headline {
    let ranking = case.leading(guest);
    let fastest = ranking.and_then(|it| Some((it, case.cell(it.fastest.first()?)?)));
    if let Some((ranking, cell)) = fastest {
        let headline = of_cell(cell);
        let paging = paging_natively(case).map(|it| format!("; {it}")).unwrap_or_default();
        let after = headline.after + &beside(case, ranking) + &paging;
        return Headline { after, ..headline };
    }
    let is_of_guest = |it: &&CellAnalysis| !it.target.is_native() && it.target.guest == guest;
    let cells: Vec<_> = case.cells.iter().filter(is_of_guest).collect();
    let alone = cells.iter().find(|it| it.measured().is_some() || cells.len() == 1);
    alone.map_or_else(|| without_figure(guest, &cells), |cell| of_cell(cell))
}

/// What native's allocator costs it, where it would be another comparison
/// without.
fn paging_natively(case: &CaseAnalysis) -> Option<String> {
    let paging = case.native()?.weighty_paging()?;
    Some(format!("page faults are at least {:.0}% of native's time", paging.share * 100.0))
}

/// What the fastest target was compared with.
fn beside(case: &CaseAnalysis, ranking: &Ranking) -> String {
    let compared = ranking.compared;
    let how = ranking.execution.name();
    let interpreted = match ranking.execution {
        Execution::Compiled => "",
        Execution::Interpreted => "; no compiled target was measured",
    };
    let rivals = ranking.fastest.get(1..).unwrap_or_default();
    if rivals.is_empty() {
        return match (compared, ranking.execution) {
            (1, Execution::Compiled) => String::new(),
            (1, Execution::Interpreted) => format!(", {how}{interpreted}"),
            _ => format!(", the fastest of {compared} {how} targets{interpreted}"),
        };
    }
    let named = rivals.iter().take(NAMED).map(|rival| {
        let found = case.cell(rival).and_then(|it| it.measured()?.ratio);
        let times = found.map(|it| format!(" ({})", ratio(it.times_native.value)));
        format!("{rival}{}", times.unwrap_or_default())
    });
    let more = rivals.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("{more} more"));
    let rivals = named.chain(more).collect::<Vec<_>>().join(", ");
    let others = compared - ranking.fastest.len();
    let others = match counted(others as u64, "other", "others") {
        _ if others == 0 => String::new(),
        others => format!("; faster than {others}, {how} as well"),
    };
    format!(", not told apart from {rivals}{others}{interpreted}")
}

/// Several targets of a guest, none of which was measured.
fn without_figure(guest: &str, cells: &[&CellAnalysis]) -> Headline {
    let total = counted(cells.len() as u64, "target", "targets");
    let mut reasons = cells.iter().map(|cell| match &cell.state {
        CellState::Unsupported { reason } => Some(reason),
        CellState::Pending | CellState::Failed { .. } | CellState::Measured(_) => None,
    });
    let first = reasons.next().flatten();
    match first {
        Some(reason) if reasons.all(|it| it == Some(reason)) => Headline::new(
            guest.to_owned(),
            "unsupported".to_owned(),
            format!(" on all {total}: {}", cut(reason, LETTERS)),
        ),
        _ => Headline::new(
            guest.to_owned(),
            "not measured".to_owned(),
            format!(" on any of {total}; the reasons are below"),
        ),
    }
}

fn of_cell(cell: &CellAnalysis) -> Headline {
    let name = cell.target.to_string();
    match &cell.state {
        CellState::Measured(measured) => of_measured(name, cell.target.is_native(), measured),
        CellState::Pending => Headline::new(name, "not measured yet".into(), ""),
        CellState::Unsupported { reason } => {
            Headline::new(name, "unsupported".into(), format!(": {}", cut(reason, LETTERS)))
        }
        CellState::Failed { failure, .. } => Headline::new(
            name,
            "failed".into(),
            format!(" during {}: {}", failure.during, failure.message),
        ),
    }
}

fn of_measured(name: String, is_native: bool, measured: &Measured) -> Headline {
    let takes = format!("{name} takes");
    if let Some(found) = measured.ratio {
        let figure = ratio(found.times_native.value);
        let interval = ratio_interval_in_brackets(&found.times_native);
        return match found.comparison {
            Comparison::Slower | Comparison::Faster => {
                Headline::new(takes, figure, format!(" native's time{interval}"))
            }
            Comparison::NoDifferenceShown => {
                Headline::new(format!("{name}: no difference from native shown,"), figure, interval)
            }
            Comparison::SingleRound => {
                Headline::new(takes, figure, " native's time (one round, hence no interval)")
            }
        };
    }
    match (&measured.latency, measured.cold_starts.first()) {
        (Some(latency), _) => Headline::new(
            takes,
            duration(latency.median_ns.value),
            if is_native { "" } else { "; no native figure to compare with" },
        ),
        (None, Some(cold)) => {
            Headline::new(format!("{name}: cold start only,"), duration(cold.total_ns.value), "")
        }
        (None, None) => Headline::new(name, "has no samples".into(), ""),
    }
}
