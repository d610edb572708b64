//! Where the time goes by cost class.

use wasmfit_record::{Calibration, Class};

use super::{Entry, Style, Table};
use crate::analysis::{
    Analysis, Attributed, Attribution, CaseAnalysis, ClassMove, CostClass, NotAssessable, Tax,
};
use crate::format::{count, duration, in_brackets, percent, ratio, ratio_interval};
use crate::statistics::Estimate;

/// The classes of a case, one row per target.
pub(crate) fn attribution(case: &CaseAnalysis) -> Table {
    let mut titles = CostClass::ALL.map(CostClass::name).to_vec();
    titles.extend(SUB_CLASSES.map(|class| match class {
        Class::Interpreter => "undivided",
        class => class.name().trim_start_matches("interpreter/"),
    }));
    titles.extend(["samples", "against plain", "sampling", "lost"]);
    let mut table = Table::new(&["target"], &titles).followed_by(&["not split"], &[]);
    for cell in &case.cells {
        let Some(measured) = cell.measured() else { continue };
        let mut row = vec![Entry::new(cell.target.to_string())];
        match &measured.attribution {
            Attributed::Assessed(found) => row.extend(shares(found)),
            Attributed::NotAssessable(NotAssessable::NotTaken) => continue,
            Attributed::NotAssessable(why) => {
                let marshalling = measured.phases.as_ref().map(|it| percent(it.marshalling_share));
                let entry = |class| match class {
                    CostClass::Marshalling => Entry::figure(marshalling.clone()),
                    _ => Entry::figure(None),
                };
                row.extend(CostClass::ALL.map(entry));
                row.extend((0..SUB_CLASSES.len() + 4).map(|_| Entry::figure(None)));
                row.push(Entry::new(why.told()).style(Style::Quiet));
            }
        }
        table.rows.push(row);
    }
    table.without_empty_columns()
}

/// The parts of `interpreter`, and what could not be told apart of it.
const SUB_CLASSES: [Class; 5] =
    [Class::Eval, Class::Objects, Class::Memory, Class::Dispatch, Class::Interpreter];

fn shares(found: &Attribution) -> Vec<Entry> {
    let signed = |share: f64| format!("{}{}", if share < 0.0 { "" } else { "+" }, percent(share));
    let mut entries: Vec<Entry> = CostClass::ALL
        .iter()
        .map(|class| Entry::figure(found.cost(*class).map(|cost| share(cost.share))))
        .collect();
    entries.extend(SUB_CLASSES.map(|class| {
        let part = found.parts.iter().find(|part| part.class == class);
        Entry::figure(part.map(|part| percent(part.share)))
    }));
    entries.extend([
        Entry::new(count(found.infer_samples)),
        Entry::figure(found.perturbation_share.map(signed)),
        Entry::figure(found.sampler_share.map(signed)),
        Entry::new(count(found.lost)),
        Entry::figure(None),
    ]);
    entries
}

/// `49.8% (46.1–53.5)`.
fn share(of: Estimate) -> String {
    let interval = of.interval.map(|it| format!("{:.1}–{:.1}", it.low * 100.0, it.high * 100.0));
    format!("{}{}", percent(of.value), in_brackets(interval))
}

/// The functions of a case with the most samples, by target and class.
pub(crate) fn functions(case: &CaseAnalysis) -> Table {
    let mut table = Table::new(&["target", "class", "function", "in"], &["of infer", "time"])
        .followed_by(&["charged to"], &[]);
    for cell in &case.cells {
        let Some(Attributed::Assessed(found)) = cell.measured().map(|it| &it.attribution) else {
            continue;
        };
        for part in &found.parts {
            for place in &part.top {
                let of_infer = place.samples as f64 / found.infer_samples.max(1) as f64;
                if of_infer < LEAST_SHOWN {
                    continue;
                }
                let time_ns = part.time_ns * place.samples as f64 / part.samples.max(1) as f64;
                table.rows.push(vec![
                    Entry::new(cell.target.to_string()),
                    Entry::new(part.class.name()),
                    Entry::new(shown(&place.symbol)).style(Style::Strong),
                    Entry::new(place.object.clone()).style(Style::Quiet),
                    Entry::new(percent(of_infer)),
                    Entry::new(duration(time_ns)),
                    Entry::figure((!place.charged_to.is_empty()).then(|| place.charged_to.clone())),
                ]);
            }
        }
    }
    table.without_empty_columns().with_quiet_repeats()
}

/// Functions with less than this of `infer` tell nothing.
const LEAST_SHOWN: f64 = 0.02;

/// A function's name, or that it has none.
fn shown(symbol: &str) -> String {
    if symbol.is_empty() { "(no name)".to_owned() } else { crate::format::cut(symbol, 60) }
}

/// Each class natively and on each target.
pub(crate) fn survival(analysis: &Analysis) -> Table {
    let mut table = Table::new(&["case", "target", "dominant natively", "dominant there"], &[]);
    for class in ["interpreter", "compute", "marshalling"] {
        table = table.followed_by(&[], &[class, &format!("{class} × native")]);
    }
    for survival in &analysis.survivals {
        let survives = survival.dominant == survival.dominant_native;
        let style = if survives { Style::Plain } else { Style::Strong };
        let mut row = vec![
            Entry::new(survival.case.to_string()),
            Entry::new(survival.target.to_string()),
            Entry::new(survival.dominant_native.name()),
            Entry::new(survival.dominant.name()).style(style),
        ];
        row.extend(survival.classes.iter().flat_map(moved));
        table.rows.push(row);
    }
    table.with_quiet_repeats()
}

fn moved(class: &ClassMove) -> [Entry; 2] {
    let shares = format!("{} → {}", percent(class.native_share), percent(class.share));
    let factor = class
        .times_native
        .map(|it| format!("{}{}", ratio(it.value), in_brackets(ratio_interval(&it))));
    [Entry::new(shares), Entry::figure(factor)]
}

/// What each runtime adds to each class.
pub(crate) fn taxes(analysis: &Analysis) -> Table {
    let classes = [CostClass::Interpreter, CostClass::Compute, CostClass::Marshalling];
    let mut table = Table::new(&["target"], &classes.map(CostClass::name));
    let mut targets: Vec<_> = analysis.taxes.iter().map(|tax| &tax.target).collect();
    targets.dedup();
    for target in targets {
        let mut row = vec![Entry::new(target.to_string())];
        row.extend(classes.map(|class| {
            let found = analysis.taxes.iter().find(|it| it.target == *target && it.class == class);
            Entry::figure(found.map(tax)).style(Style::Strong)
        }));
        table.rows.push(row);
    }
    table
}

/// `2.41× (1.76–2.58, 4 cases)`.
fn tax(of: &Tax) -> String {
    if of.cases == 1 {
        return format!("{} (1 case)", ratio(of.times_native));
    }
    let range = format!("{:.2}–{:.2}", of.smallest, of.largest);
    format!("{} ({range}, {} cases)", ratio(of.times_native), of.cases)
}

/// How far the attribution of each target is off.
pub(crate) fn calibrations(analysis: &Analysis) -> Table {
    let mut table = Table::new(&["target"], &["mean error", "worst error"])
        .followed_by(&["worst mix"], &["mixes", "samples"])
        .followed_by(&["runtime", "calibrated"], &[]);
    for calibration in &analysis.calibrations {
        table.rows.push(calibrated(calibration));
    }
    table
}

fn calibrated(of: &Calibration) -> Vec<Entry> {
    vec![
        Entry::new(of.target.to_string()),
        Entry::new(format!("{:.1} points", of.mean_error_points)).style(Style::Strong),
        Entry::new(format!("{:.1} points", of.worst_error_points)),
        Entry::new(of.worst_mix.clone()),
        Entry::new(count(u64::from(of.mixes))),
        Entry::new(count(of.samples)),
        Entry::new(of.runtime_version.clone()),
        Entry::new(of.measured_at.clone()),
    ]
}
