//! Measuring one version, or two in turn.
//!
//! Two versions are launched alternately: a cell of the one, the same cell of
//! the other, and in the next round the other way round. Whatever slows the
//! machine down for a while meets both, which no comparison of two runs made
//! one after the other can say.

use std::collections::{BTreeMap, BTreeSet};

use wasmfit_protocol::Start;
use wasmfit_record::{LaunchKind, PlannedLaunch, Run, UntilDecided};
use wasmfit_reports::Analysis;
use wasmfit_reports::comparison::{Terms, compare};

use crate::exit::CommandError;
use crate::measure::Measurement;

/// What a version is compared with while it is measured.
pub(crate) enum Against {
    /// The other version of the session.
    OtherSide,
    /// A run that was made before.
    Saved(Box<Analysis>),
}

/// Looks at a comparison while it is made, and ends what is decided.
pub(crate) struct Looks {
    rule: UntilDecided,
    terms: Terms,
    against: Against,
}

impl Looks {
    pub(crate) fn new(rule: UntilDecided, terms: Terms, against: Against) -> Self {
        Self { rule, terms, against }
    }

    /// The last look that is due before `round` is made; 0 for none.
    fn last_before(&self, round: u32) -> u32 {
        self.rule.looks.iter().copied().filter(|look| *look <= round).max().unwrap_or(0)
    }

    /// Whether the launches made have used up the time.
    fn are_over(&self, sides: &[Measurement<'_>]) -> bool {
        let made = sides.iter().flat_map(|side| &side.run.launches);
        made.map(|launch| launch.wall_ns).sum::<u64>() >= self.rule.budget_ns
    }

    /// The cells of the new version that need no more launches: decided, or
    /// with nothing to compare them with.
    fn decided(&self, sides: &[Measurement<'_>]) -> Result<BTreeSet<usize>, CommandError> {
        let new = wasmfit_reports::analyze(sides[0].directory.folder())?;
        let other;
        let base = match &self.against {
            Against::Saved(base) => &**base,
            Against::OtherSide => {
                other = wasmfit_reports::analyze(sides[1].directory.folder())?;
                &other
            }
        };
        let compared = compare(base, &new, &self.terms)
            .map_err(|error| CommandError::Run(error.to_string()))?;
        let undecided = compared.undecided();
        let cells = sides[0].run.cells.iter().enumerate();
        let decided = cells.filter(|(_, cell)| !undecided.contains(&cell.place()));
        Ok(decided.map(|(index, _)| index).collect())
    }
}

/// Makes what is missing, and every launch that is still to be made. The new
/// version comes first in `sides`, and may be alone.
pub(crate) fn make(
    sides: &mut [Measurement<'_>],
    looks: Option<&Looks>,
) -> Result<(), CommandError> {
    for side in &mut *sides {
        side.prepare()?;
        if side.interrupt.is_requested() {
            return Ok(());
        }
    }
    let (mut decided, mut looked) = (BTreeSet::new(), 0);
    let steps = steps(sides);
    for (position, step) in steps.iter().enumerate() {
        let mut launches = step.due(sides);
        if launches.is_empty() {
            continue;
        }
        let PlannedLaunch { cell, round, .. } = step.planned;
        if let Some(looks) = looks {
            if looks.are_over(sides) {
                break;
            }
            if looks.last_before(round) > looked {
                looked = looks.last_before(round);
                decided = looks.decided(sides)?;
            }
        }
        // What the budget leaves out of one version has no use in the other.
        let is_left_out = launches.iter().any(|(side, index)| sides[*side].is_left_out(*index));
        if decided.contains(&cell) || is_left_out {
            continue;
        }
        if !(round as usize + cell).is_multiple_of(2) {
            launches.reverse();
        }
        for (side, index) in launches {
            sides[side].launch_planned(index, position)?;
            if sides[side].interrupt.is_requested() {
                return Ok(());
            }
        }
    }
    sides.iter_mut().try_for_each(Measurement::finish)
}

/// A launch of the new version, and its twin of the other.
struct Step {
    planned: PlannedLaunch,
    new: usize,
    base: Option<usize>,
}

impl Step {
    /// Which of both are still to be made: side and index.
    fn due(&self, sides: &[Measurement<'_>]) -> Vec<(usize, usize)> {
        let both = [(0, Some(self.new)), (1, self.base)].into_iter();
        let planned = both.filter_map(|(side, index)| Some((side, index?)));
        planned.filter(|(side, index)| sides[*side].is_due(*index)).collect()
    }
}

fn steps(sides: &[Measurement<'_>]) -> Vec<Step> {
    let twins = sides.get(1).map(|base| {
        let cells = twin_cells(&sides[0].run, &base.run);
        let launches = base.run.plan.launches.iter().enumerate();
        let by_key = launches.map(|(index, launch)| (key(launch), index));
        (cells, by_key.collect::<BTreeMap<_, _>>())
    });
    let step = |(new, planned): (usize, &PlannedLaunch)| {
        let base = twins.as_ref().and_then(|(cells, launches)| {
            let twin = PlannedLaunch { cell: cells[planned.cell]?, ..*planned };
            launches.get(&key(&twin)).copied()
        });
        Step { planned: *planned, new, base }
    };
    sides[0].run.plan.launches.iter().enumerate().map(step).collect()
}

const fn key(launch: &PlannedLaunch) -> (usize, u32, Start, LaunchKind) {
    let PlannedLaunch { cell, round, start, kind } = *launch;
    (cell, round, start, kind)
}

/// The cell of `base` that each cell of `new` is compared with.
fn twin_cells(new: &Run, base: &Run) -> Vec<Option<usize>> {
    let twin = |cell: &wasmfit_record::Cell| {
        base.cells.iter().position(|it| it.case == cell.case && it.target.is_twin_of(&cell.target))
    };
    new.cells.iter().map(twin).collect()
}

/// The launches of the other version: a twin of each of the new one, as far as
/// its own plan has one.
pub(crate) fn twin_plan(new: &Run, base: &Run) -> Vec<PlannedLaunch> {
    let cells = twin_cells(new, base);
    let own: BTreeSet<_> = base.plan.launches.iter().map(key).collect();
    let twins = new.plan.launches.iter().filter_map(|planned| {
        Some(PlannedLaunch { cell: cells[planned.cell]?, ..*planned })
            .filter(|twin| own.contains(&key(twin)))
    });
    twins.collect()
}
