//! What limits cost.

use wasmfit_record::Target;

use super::{Entry, Heat, Style, Table};
use crate::analysis::{Analysis, Comparison, LimitCost, distinct};
use crate::format::{in_brackets, ratio, ratio_interval};
use crate::statistics::Estimate;

/// Two rows per target with a limit, of wall and of processor time, and one
/// column per case; or where there are many cases the other way round, of wall
/// time alone.
pub(crate) fn limits(analysis: &Analysis) -> Table {
    let cases = distinct(analysis.limits.iter().map(|it| &it.case));
    let titles: Vec<_> = cases.iter().map(ToString::to_string).collect();
    let titles: Vec<_> = titles.iter().map(String::as_str).collect();
    let is_long = analysis.has_many_cases();
    let about: &[&str] =
        if is_long { &["target"] } else { &["target", "limit", "against", "time"] };
    let mut table = Table::new(about, &titles);
    for target in targets(analysis) {
        let Some(first) = analysis.limits.iter().find(|it| it.target == *target) else { continue };
        for (time, figure) in TIMES.into_iter().take(if is_long { 1 } else { 2 }) {
            let mut row = vec![Entry::new(target.to_string())];
            if !is_long {
                let base = Entry::new(first.base.to_string()).style(Style::Quiet);
                let time = Entry::new(time).style(Style::Quiet);
                row.extend([Entry::new(first.kind.title()), base, time]);
            }
            row.extend(cases.iter().map(|case| {
                let found =
                    analysis.limits.iter().find(|it| (&it.target, &it.case) == (target, *case));
                found.and_then(figure).unwrap_or_else(|| Entry::figure(None))
            }));
            table.rows.push(row);
        }
    }
    if is_long { table.turned("case", 0) } else { table.with_quiet_repeats() }
}

/// What is told of a cost.
type Figure = fn(&LimitCost) -> Option<Entry>;

const TIMES: [(&str, Figure); 2] = [("wall", wall), ("processor", processor)];

/// Each target with the range of what its limit costs, as far as it is shown.
pub(crate) fn limits_in_words(analysis: &Analysis) -> String {
    let told = targets(analysis).into_iter().filter_map(|target| {
        let costs: Vec<_> = analysis.limits.iter().filter(|it| it.target == *target).collect();
        let kind = costs.first()?.kind.title();
        let shown: Vec<_> = costs.iter().filter(|it| is_shown(it)).collect();
        let times = || shown.iter().map(|it| it.times_base.value);
        let range = match (times().reduce(f64::min), times().reduce(f64::max)) {
            (Some(least), Some(most)) if shown.len() > 1 => {
                format!("{} to {}", ratio(least), ratio(most))
            }
            (Some(only), _) => ratio(only),
            (None, _) => return Some(format!("{target} ({kind}) no difference shown")),
        };
        let among = (shown.len() < costs.len())
            .then(|| format!(" in {} of {} cases", shown.len(), costs.len()));
        Some(format!("{target} ({kind}) {range}{}", among.unwrap_or_default()))
    });
    let told = told.collect::<Vec<_>>().join("; ");
    format!("A request in times the tier that is otherwise the same: {told}.")
}

fn is_shown(cost: &LimitCost) -> bool {
    matches!(cost.comparison, Comparison::Slower | Comparison::Faster)
}

fn targets(analysis: &Analysis) -> Vec<&Target> {
    distinct(analysis.limits.iter().map(|it| &it.target))
}

#[expect(clippy::unnecessary_wraps, reason = "as processor time, which may not be told")]
fn wall(of: &LimitCost) -> Option<Entry> {
    let style = if is_shown(of) { Style::Strong } else { Style::Plain };
    let heat = Some(Heat::of(of.times_base.value));
    Some(Entry { heat, ..figure(&of.times_base).style(style) })
}

fn processor(of: &LimitCost) -> Option<Entry> {
    of.cpu_times_base.as_ref().map(figure)
}

/// `1.43× (1.40–1.46)`.
fn figure(of: &Estimate) -> Entry {
    Entry::new(format!("{}{}", ratio(of.value), in_brackets(ratio_interval(of))))
}
