//! The figures of a report as data: one row per measured cell, and one per
//! verdict. They lie in the page itself, for whoever goes on with them.

use serde::Serialize;
use serde_json::json;

use crate::analysis::{Analysis, CaseAnalysis, CellAnalysis, Measured, Outputs};
use crate::statistics::Estimate;

/// A measured cell.
#[derive(Serialize)]
struct Row {
    case: String,
    target: String,
    boundary: &'static str,
    executed: &'static str,
    outputs: &'static str,
    median_ns: Option<f64>,
    median_low_ns: Option<f64>,
    median_high_ns: Option<f64>,
    p99_ns: Option<f64>,
    times_native: Option<f64>,
    times_native_low: Option<f64>,
    times_native_high: Option<f64>,
    confidence: Option<f64>,
    launches: Option<u32>,
    samples: Option<u64>,
    marshalling_share: Option<f64>,
    cold_start_ns: Option<f64>,
    peak_resident_bytes: Option<u64>,
    linear_memory_bytes: Option<u64>,
}

/// As CSV. A text that a spreadsheet would take for a formula begins with an
/// apostrophe (OWASP, "CSV Injection").
pub(crate) fn csv(analysis: &Analysis) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (case, cell, measured) in analysis.measured() {
        let row = row(case, cell, measured);
        let (case, target) = (harmless(row.case), harmless(row.target));
        writer.serialize(Row { case, target, ..row })?;
    }
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// As JSON, with the verdicts.
pub(crate) fn json(analysis: &Analysis) -> String {
    let cells = analysis.measured().map(|(case, cell, measured)| row(case, cell, measured));
    let verdicts = analysis.verdicts.iter().map(|it| {
        json!({
            "workload": it.workload,
            "scenario": it.scenario,
            "grade": it.grade,
            "reason": it.reason,
            "conditions": it.conditions,
            "target": it.best.as_ref().map(|best| best.target.to_string()),
        })
    });
    let cells: Vec<_> = cells.collect();
    json!({
        "analysis_version": analysis.analysis_version,
        "started_at": analysis.started_at,
        "cells": cells,
        "limits": analysis.limits,
        "routes": analysis.routes,
        "verdicts": verdicts.collect::<Vec<_>>(),
    })
    .to_string()
}

fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

fn row(case: &CaseAnalysis, cell: &CellAnalysis, measured: &Measured) -> Row {
    let latency = measured.latency.as_ref();
    let median = latency.map(|it| it.median_ns);
    let ratio = measured.ratio.map(|it| it.times_native);
    let interval = |it: Option<Estimate>| it.and_then(|it| it.interval);
    Row {
        case: case.case.to_string(),
        target: cell.target.to_string(),
        boundary: cell.boundary.map_or("", |it| it.name()),
        executed: cell.execution.map_or("", |it| it.name()),
        outputs: match measured.outputs {
            Outputs::Baseline => "baseline",
            Outputs::Identical { .. } => "identical",
            Outputs::WithinTolerance { .. } => "within tolerance",
            Outputs::Unverified => "unverified",
        },
        median_ns: median.map(|it| it.value),
        median_low_ns: interval(median).map(|it| it.low),
        median_high_ns: interval(median).map(|it| it.high),
        p99_ns: latency.and_then(|it| it.p99_ns),
        times_native: ratio.map(|it| it.value),
        times_native_low: interval(ratio).map(|it| it.low),
        times_native_high: interval(ratio).map(|it| it.high),
        confidence: interval(median).map(|it| it.confidence),
        launches: latency.map(|it| it.launches),
        samples: latency.map(|it| it.samples),
        marshalling_share: measured.phases.as_ref().map(|it| it.marshalling_share),
        cold_start_ns: measured.cold_starts.first().map(|it| it.total_ns.value),
        peak_resident_bytes: measured.peak_resident_bytes(),
        linear_memory_bytes: measured
            .footprints
            .iter()
            .filter_map(|it| it.linear_memory_bytes)
            .max(),
    }
}
