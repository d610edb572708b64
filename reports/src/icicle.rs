//! Where samples fell, as nested boxes: phase, class, function.

use wasmfit_protocol::RequestPhase;
use wasmfit_record::Class;

use crate::analysis::{Attributed, CaseAnalysis, PlaceCount};
use crate::charts::{Ink, Shown, ink_of_phase};
use crate::format::{counted, percent};

/// Functions with less than this of a profile are drawn as one box: narrower
/// ones could not be pointed at.
const LEAST_DRAWN: f64 = 0.01;

/// No name fits a box that is narrower.
const LEAST_NAMED: f64 = 0.02;

/// The boxes of one target.
pub(crate) struct Icicle {
    pub(crate) target: String,
    /// From the whole to its parts: phases, classes, functions. Boxes below
    /// one another belong together.
    pub(crate) rows: [Vec<Tile>; 3],
}

/// A box.
pub(crate) struct Tile {
    /// Of the width, in percent.
    pub(crate) width: String,
    pub(crate) ink: Ink,
    pub(crate) label: String,
    /// What pointing at it tells.
    pub(crate) title: String,
}

/// The icicles of a case: one per target that was sampled.
pub(crate) fn of(case: &CaseAnalysis) -> Vec<Icicle> {
    let cells = case.cells.iter().filter_map(|cell| match &cell.measured()?.attribution {
        Attributed::Assessed(found) => Some(icicle(cell.target.to_string(), &found.places)),
        Attributed::NotAssessable(_) => None,
    });
    cells.collect()
}

fn icicle(target: String, places: &[PlaceCount]) -> Icicle {
    let total: u64 = places.iter().map(|it| it.samples).sum();
    let share = |samples: u64| samples as f64 / total.max(1) as f64;
    let tile = |samples: u64, ink, name: &str| Tile {
        width: format!("{:.3}", 100.0 * share(samples)),
        ink,
        // Boxes are narrow: the colour tells whose sub-class it is.
        label: if share(samples) < LEAST_NAMED {
            String::new()
        } else {
            name.trim_start_matches("interpreter/").to_owned()
        },
        title: format!(
            "{name}: {}, {}",
            percent(share(samples)),
            counted(samples, "sample", "samples")
        ),
    };
    let mut rows = [Vec::new(), Vec::new(), Vec::new()];
    for phase in RequestPhase::ALL {
        let in_phase: Vec<_> = places.iter().filter(|it| it.phase == phase).collect();
        let samples = in_phase.iter().map(|it| it.samples).sum();
        if samples == 0 {
            continue;
        }
        rows[0].push(tile(samples, ink_of_phase(phase), phase.name()));
        for class in Class::ALL {
            let of_class: Vec<_> = in_phase.iter().filter(|it| it.class == class).collect();
            let samples: u64 = of_class.iter().map(|it| it.samples).sum();
            if samples == 0 {
                continue;
            }
            let ink = Shown::Class(class).ink();
            rows[1].push(tile(samples, ink, class.name()));
            let (drawn, small): (Vec<_>, Vec<_>) =
                functions(&of_class).into_iter().partition(|it| share(it.1) >= LEAST_DRAWN);
            rows[2].extend(drawn.iter().map(|(name, samples)| tile(*samples, ink, name)));
            let rest: u64 = small.iter().map(|it| it.1).sum();
            if rest > 0 {
                let name = counted(small.len() as u64, "other", "others");
                rows[2].push(tile(rest, Ink::Rest, &name));
            }
        }
    }
    Icicle { target, rows }
}

/// Samples by name, most first; a name may stand for several callers.
fn functions(of_class: &[&&PlaceCount]) -> Vec<(String, u64)> {
    let mut functions: Vec<(String, u64)> = Vec::new();
    for place in of_class {
        let name = if place.symbol.is_empty() { &place.object } else { &place.symbol };
        match functions.iter_mut().find(|it| it.0 == *name) {
            Some(known) => known.1 += place.samples,
            None => functions.push((name.clone(), place.samples)),
        }
    }
    functions.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    functions
}
