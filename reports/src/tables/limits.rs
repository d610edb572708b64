//! What limits cost.

use wasmfit_record::Target;

use super::{Entry, Heat, Style, Table};
use crate::analysis::{Analysis, Comparison, LimitCost, distinct};
use crate::format::{in_brackets, ratio, ratio_interval};

/// One row per target with a limit and one column per case, or where there
/// are many cases the other way round.
pub(crate) fn limits(analysis: &Analysis) -> Table {
    let cases = distinct(analysis.limits.iter().map(|it| &it.case));
    let titles: Vec<_> = cases.iter().map(ToString::to_string).collect();
    let titles: Vec<_> = titles.iter().map(String::as_str).collect();
    let is_long = analysis.has_many_cases();
    let about: &[&str] = if is_long { &["target"] } else { &["target", "limit", "against"] };
    let mut table = Table::new(about, &titles);
    for target in targets(analysis) {
        let of_target = || analysis.limits.iter().filter(|it| it.target == *target);
        let mut row = vec![Entry::new(target.to_string())];
        if !is_long {
            row.extend(of_target().next().map(|it| Entry::new(it.kind.title())));
            let base = of_target().next().map(|it| it.base.to_string());
            row.extend(base.map(|it| Entry::new(it).style(Style::Quiet)));
        }
        row.extend(cases.iter().map(|case| {
            let found = of_target().find(|it| it.case == **case);
            found.map_or_else(|| Entry::figure(None), cost)
        }));
        table.rows.push(row);
    }
    if is_long { table.turned("case", 0) } else { table }
}

/// Each kind of limit with the range of what it costs, a target at a time.
pub(crate) fn limits_in_words(analysis: &Analysis) -> String {
    let told = targets(analysis).into_iter().filter_map(|target| {
        let of_target = || analysis.limits.iter().filter(|it| it.target == *target);
        let kind = of_target().next()?.kind.title();
        let times = || of_target().map(|it| it.times_base.value);
        let smallest = times().reduce(f64::min).map(ratio)?;
        let largest = times().reduce(f64::max).map(ratio)?;
        let range = if smallest == largest { smallest } else { format!("{smallest} to {largest}") };
        Some(format!("{target} ({kind}) {range}"))
    });
    let told = told.collect::<Vec<_>>().join("; ");
    format!("A request in times the tier that is otherwise the same: {told}.")
}

fn targets(analysis: &Analysis) -> Vec<&Target> {
    distinct(analysis.limits.iter().map(|it| &it.target))
}

/// `1.43× (1.40–1.46)`.
fn cost(of: &LimitCost) -> Entry {
    let interval = in_brackets(ratio_interval(&of.times_base));
    let style = match of.comparison {
        Comparison::Slower | Comparison::Faster => Style::Strong,
        Comparison::NoDifferenceShown | Comparison::SingleRound => Style::Plain,
    };
    let heat = Some(Heat::of(of.times_base.value));
    let text = format!("{}{interval}", ratio(of.times_base.value));
    Entry { heat, ..Entry::new(text).style(style) }
}
