//! What a rewrite buys.

use super::{Entry, Heat, Style, Table};
use crate::analysis::{Analysis, Outputs, Route, RouteEstimate, RouteFigures, Routes};
use crate::format::{NONE, duration, percent, ratio, ratio_interval, size};

/// How far an estimate by Amdahl's law may be off what was measured.
const GOAL: f64 = 0.15;

/// The cases of which something is told: those that were rewritten, or where no
/// case was, all of a few.
fn told(analysis: &Analysis) -> Vec<&Routes> {
    let rewritten: Vec<_> = analysis.routes.iter().filter(|it| is_rewritten(it)).collect();
    if rewritten.is_empty() && !analysis.has_many_cases() {
        return analysis.routes.iter().collect();
    }
    rewritten
}

fn is_rewritten(routes: &Routes) -> bool {
    let is_other = |it: &RouteFigures| !matches!(it.route, Route::Native | Route::Interpreter);
    routes.measured.iter().any(is_other)
}

/// One row per way of each case that was rewritten.
pub(crate) fn routes(analysis: &Analysis) -> Table {
    let mut table = Table::new(
        &["case", "way", "written in", "target", "outputs"],
        &["× native", "95% of ratio", "first response", "deployed"],
    );
    for routes in told(analysis).into_iter().filter(|it| is_rewritten(it)) {
        for figures in &routes.measured {
            table.rows.push(row(routes, figures));
        }
    }
    table.with_quiet_repeats()
}

fn row(routes: &Routes, of: &RouteFigures) -> Vec<Entry> {
    let times = of.times_native.as_ref();
    let figure = times.map(|it| it.value);
    let strong = Entry::figure(figure.map(ratio)).style(Style::Strong);
    vec![
        Entry::new(routes.case.to_string()),
        Entry::new(of.route.title()),
        Entry::figure(of.rewritten.clone()),
        Entry::new(of.target.to_string()),
        Entry::new(match of.outputs {
            Outputs::Baseline => "baseline",
            Outputs::Identical { .. } => "identical",
            Outputs::WithinTolerance { .. } => "within tolerance",
            Outputs::Unverified => "unverified",
        }),
        Entry { heat: figure.map(Heat::of), ..strong },
        Entry::figure(times.and_then(ratio_interval)),
        Entry::figure(of.cold_start_ns.map(duration)),
        Entry::figure(of.deployed_bytes.map(size)),
    ]
}

/// One row per estimate.
pub(crate) fn route_estimates(analysis: &Analysis) -> Table {
    let mut table = Table::new(
        &["case", "Python", "infer by"],
        &["infer natively", "× native, estimated", "measured", "estimate off", "break-even"],
    );
    for routes in told(analysis) {
        table.rows.extend(routes.estimates.iter().map(|it| estimate(routes, it)));
    }
    table.with_quiet_repeats()
}

fn estimate(routes: &Routes, of: &RouteEstimate) -> Vec<Entry> {
    let error = of.error_share();
    let style = match error {
        Some(error) if error.abs() > GOAL => Style::Bad,
        Some(_) | None => Style::Plain,
    };
    let kernel = of.kernel.as_ref().map(ToString::to_string);
    vec![
        Entry::new(routes.case.to_string()),
        Entry::new(of.python.to_string()),
        Entry::new(kernel.unwrap_or_else(|| "whatever takes no time".into())),
        Entry::new(percent(routes.infer_share)),
        Entry::new(ratio(of.times_native)),
        Entry::figure(of.measured.as_ref().map(|(_, times)| ratio(*times))),
        Entry::figure(error.map(|it| format!("{:+.0}%", it * 100.0))).style(style),
        Entry::new(match of.break_even_share {
            None => "never".to_owned(),
            Some(share) if share <= 0.0 => "always".to_owned(),
            Some(share) => percent(share),
        }),
    ]
}

/// Each rewritten case with what is fastest of native Python's, compiled and in
/// WebAssembly.
pub(crate) fn routes_in_words(analysis: &Analysis) -> Vec<String> {
    told(analysis).into_iter().filter_map(in_words).collect()
}

fn in_words(routes: &Routes) -> Option<String> {
    let told = [
        (Route::Interpreter, "Python in WebAssembly"),
        (Route::Extension, "native Python with infer compiled"),
        (Route::Kernel, "compiled natively without Python"),
        (Route::WasmKernel, "the same in WebAssembly"),
        (Route::Model, "the model as ONNX, natively"),
        (Route::WasmModel, "the model as ONNX in WebAssembly"),
    ];
    let told = told.into_iter().filter_map(|(route, what)| {
        let (figures, times) = routes.fastest(route)?;
        Some(format!("{what} {} ({})", ratio(times), figures.target))
    });
    let told: Vec<String> = told.collect();
    let share = percent(routes.infer_share);
    let case = &routes.case;
    if !is_rewritten(routes) {
        let bound = routes.estimates.iter().find(|it| it.kernel.is_none())?;
        return Some(format!(
            "{case}: infer is {share} of native Python's request, so compiling it alone leaves {} of native's time at the least (estimated: a kernel that takes no time)",
            ratio(bound.times_native)
        ));
    }
    Some(format!(
        "{case}, of which infer is {share} natively, in times native Python: {}",
        if told.is_empty() { NONE.to_owned() } else { told.join("; ") }
    ))
}
