//! Many cells in few words.

use wasmfit_record::{Case, Target};

use crate::analysis::Analysis;
use crate::warnings::CellName;

/// `every target of cpython-3.12 (a, b); wasmer/singlepass@cpython-3.15 (every
/// case)`.
pub(crate) fn places(analysis: &Analysis, cells: &[CellName]) -> String {
    let mut by_target: Vec<(&Target, Vec<&Case>)> = Vec::new();
    for cell in cells {
        match by_target.iter_mut().find(|(target, _)| *target == &cell.target) {
            Some((_, cases)) => cases.push(&cell.case),
            None => by_target.push((&cell.target, vec![&cell.case])),
        }
    }
    let mut by_cases: Vec<(Vec<&Case>, Vec<&Target>)> = Vec::new();
    for (target, cases) in by_target {
        match by_cases.iter_mut().find(|(known, _)| *known == cases) {
            Some((_, targets)) => targets.push(target),
            None => by_cases.push((cases, vec![target])),
        }
    }
    let texts = by_cases.iter().map(|(cases, targets)| {
        format!("{} ({})", named_targets(analysis, targets), named_cases(analysis, cases))
    });
    texts.collect::<Vec<_>>().join("; ")
}

fn named_cases(analysis: &Analysis, cases: &[&Case]) -> String {
    if cases.len() > 1 && cases.len() == analysis.cases().count() {
        return "every case".to_owned();
    }
    cases.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn named_targets(analysis: &Analysis, targets: &[&Target]) -> String {
    let mut names: Vec<String> = Vec::new();
    for target in targets {
        let of_guest = |other: &&&Target| !other.is_native() && other.guest == target.guest;
        let all = analysis.targets().iter().filter(of_guest).count();
        let is_whole = all > 1 && targets.iter().filter(of_guest).count() == all;
        let name =
            if is_whole { format!("every target of {}", target.guest) } else { target.to_string() };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}
