//! Which launches a run makes, and in which order.
//!
//! Each round launches every cell once. Within a round the cases come in
//! random order, and within a case its targets come in random order next to
//! each other, so that a ratio compares launches that saw the same machine.
//! In the first round native comes first: its responses are what the others
//! are checked against.

use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use wasmfit_protocol::{Limits, Profiling, Sampling, Start};
use wasmfit_record::{Budget, Case, Cell, LaunchKind, Plan, PlannedLaunch, Profile, UntilDecided};

use crate::cli::ProfileName;

const MILLISECOND: u64 = 1_000_000;

/// PC samples per second, unless told otherwise: some thousand per cell and
/// profile, at a cost within 2% (`benches/sampler`).
pub(crate) const HERTZ: u32 = 1000;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    profile: Profile,
    rounds: u32,
    budget: Option<Budget>,
    sampling: Sampling,
    /// Rounds in which starts beside the first are launched too.
    cold_rounds: u32,
}

impl Effort {
    /// What a profile asks for; `hertz` is how many PC samples to take per
    /// second, 0 for no profile pass.
    pub(crate) fn of(profile: ProfileName, hertz: u32) -> Self {
        // Many short launches rather than few long ones: the speed of a shared
        // machine changes from second to second, and only launches average
        // over that. Odd, so that the median is a launch's own.
        let (name, rounds, [warmup, plain, phase, watched]) = match profile {
            ProfileName::Quick => (Profile::Quick, 5, [20, 90, 30, 100]),
            ProfileName::Default => (Profile::Default, 15, [1000, 1000, 500, 1000]),
            ProfileName::Thorough => (Profile::Thorough, 31, [2000, 2000, 1000, 2000]),
        };
        Self {
            profile: name,
            rounds,
            budget: Some(budget(profile)),
            sampling: sampling(warmup, plain, phase, watched, hertz),
            // A first look is to come soon; three cold starts tell their range.
            cold_rounds: if name == Profile::Quick { 3 } else { rounds },
        }
    }

    /// As many rounds as a comparison may need; it ends by its own rule.
    pub(crate) fn until_decided(self, rule: &UntilDecided) -> Self {
        let rounds = rule.looks.iter().copied().max().unwrap_or(self.rounds);
        Self { rounds, budget: None, ..self }
    }

    /// What a check takes: every request answered, and a first idea of how
    /// long `infer` takes.
    pub(crate) fn check() -> Self {
        Self {
            profile: Profile::Check,
            rounds: 1,
            budget: None,
            sampling: sampling(0, 20, 60, 0, 0),
            cold_rounds: 0,
        }
    }

    /// What the boundary's cost takes: enough requests of every payload for a
    /// median, few enough that the samples of what takes microseconds fill no
    /// disk.
    pub(crate) fn boundary(profile: ProfileName) -> Self {
        let usual = Self::of(profile, 0);
        let ([warmup, plain, phase], most_requests) = match profile {
            ProfileName::Quick => ([20, 60, 30], 1500),
            ProfileName::Default => ([100, 200, 100], 3000),
            ProfileName::Thorough => ([200, 400, 200], 6000),
        };
        Self {
            sampling: Sampling {
                // Each of the largest payloads twice, and of the others once.
                least_requests: 18,
                most_requests,
                ..sampling(warmup, plain, phase, 0, 0)
            },
            cold_rounds: 0,
            ..usual
        }
    }

    /// What a calibration takes: long profiles, for some thousand samples of
    /// each mix, and times of each ingredient from the same launches.
    pub(crate) fn calibration(rounds: u32, hertz: u32) -> Self {
        Self {
            profile: Profile::Calibration,
            rounds,
            budget: None,
            sampling: sampling(1000, 4000, 4000, 20_000, hertz),
            cold_rounds: 0,
        }
    }
}

/// After how many rounds a comparison is looked at: each about half as many
/// again, so that few looks cost little time. Ten pairs may show a quiet cell
/// unchanged; to claim a change of one in some ten cells, exact tests take
/// fifteen.
pub(crate) const LOOKS: [u32; 6] = [10, 15, 22, 33, 48, 70];

/// How long a cell and its counterpart are measured unless told otherwise:
/// some thirty pairs of launches.
pub(crate) const fn time_to_decide(profile: ProfileName) -> Duration {
    match profile {
        ProfileName::Quick => Duration::from_mins(1),
        ProfileName::Default => Duration::from_mins(5),
        ProfileName::Thorough => Duration::from_mins(10),
    }
}

/// What each profile grants a cell. A compiled tier uses about half of it; it
/// is for interpreters, which take up to a hundred times as long and of which
/// a few launches say enough.
const fn budget(profile: ProfileName) -> Budget {
    let (seconds, least_rounds) = match profile {
        ProfileName::Quick => (3, 3),
        ProfileName::Default => (90, 3),
        ProfileName::Thorough => (360, 6),
    };
    Budget { cell_ns: seconds * 1000 * MILLISECOND, least_rounds }
}

/// How long to sample within a launch, in milliseconds.
fn sampling(warmup: u64, plain: u64, phase: u64, profile: u64, hertz: u32) -> Sampling {
    Sampling {
        warmup_ns: warmup * MILLISECOND,
        plain_ns: plain * MILLISECOND,
        phase_ns: phase * MILLISECOND,
        profile: (hertz > 0).then_some(Profiling { wall_ns: profile * MILLISECOND, hertz }),
        inject: None,
        least_requests: 5,
        // Beyond this, more requests of one process say nothing new, and
        // memory for the samples would show in its footprint.
        most_requests: 20_000,
    }
}

/// Plans a run. `starts` tells the starts of a cell's target, the first being
/// the one that is sampled at steady state.
pub(crate) fn plan(
    effort: Effort,
    cells: &[Cell],
    starts: impl Fn(&Cell) -> Vec<Start>,
    limits: Limits,
    seed: u64,
) -> Plan {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut launches = Vec::new();
    for round in 0..effort.rounds {
        let mut cases: Vec<&Case> = Vec::new();
        for cell in cells {
            if !cases.contains(&&cell.case) {
                cases.push(&cell.case);
            }
        }
        cases.shuffle(&mut random);
        for case in cases {
            let of_case = cells.iter().enumerate().filter(|(_, cell)| cell.case == *case);
            let mut targets: Vec<usize> = of_case.map(|(index, _)| index).collect();
            targets.shuffle(&mut random);
            if round == 0 {
                targets.sort_by_key(|index| !cells[*index].target.is_native());
            }
            for cell in targets {
                let mut starts = starts(&cells[cell]);
                starts.truncate(if round < effort.cold_rounds { usize::MAX } else { 1 });
                launches.extend(launches_of(cell, round, &starts));
            }
        }
    }
    Plan {
        profile: effort.profile,
        rounds: effort.rounds,
        budget: effort.budget,
        until_decided: None,
        sampling: effort.sampling,
        limits,
        seed,
        launches,
    }
}

/// A cell's launches in a round: one that goes on to steady state, which has
/// a cold start too, and a cold start of every other kind.
fn launches_of(cell: usize, round: u32, starts: &[Start]) -> Vec<PlannedLaunch> {
    let kinds = [LaunchKind::Steady].into_iter().chain(std::iter::repeat(LaunchKind::Cold));
    let launch = |(start, kind): (&Start, _)| PlannedLaunch { cell, round, start: *start, kind };
    starts.iter().zip(kinds).map(launch).collect()
}

#[cfg(test)]
mod tests {
    use wasmfit_record::CellOutcome;

    use super::*;

    fn cells() -> Vec<Cell> {
        let mut cells = Vec::new();
        for workload in ["a", "b", "c"] {
            for target in ["native@x", "mock/fast@x", "mock/slow@x"] {
                cells.push(Cell {
                    case: Case { workload: workload.into(), batch: None },
                    target: target.parse().expect("a target"),
                    execution: None,
                    limit: None,
                    rewrite: None,
                    shard: None,
                    outcome: CellOutcome::Pending,
                });
            }
        }
        cells
    }

    fn planned(seed: u64) -> Plan {
        let starts = |cell: &Cell| {
            let both = vec![Start::Plain, Start::Snapshot];
            if cell.target.is_native() { vec![Start::Plain] } else { both }
        };
        let limits = Limits { memory_bytes: 1, wall_ns: 1, output_bytes: 1 };
        plan(Effort::of(ProfileName::Quick, HERTZ), &cells(), starts, limits, seed)
    }

    #[test]
    fn every_round_holds_every_cell_once_at_steady_state() {
        let plan = planned(1);
        for round in 0..plan.rounds {
            let steady = plan
                .launches
                .iter()
                .filter(|launch| launch.round == round && launch.kind == LaunchKind::Steady);
            let mut cells: Vec<usize> = steady.map(|launch| launch.cell).collect();
            cells.sort_unstable();
            assert_eq!(cells, (0..9).collect::<Vec<_>>());
        }
    }

    #[test]
    fn targets_of_a_case_run_next_to_each_other() {
        let cells = cells();
        let plan = planned(2);
        let mut cases: Vec<(u32, &Case)> =
            plan.launches.iter().map(|launch| (launch.round, &cells[launch.cell].case)).collect();
        cases.dedup();
        assert_eq!(cases.len(), 3 * plan.rounds as usize);
    }

    #[test]
    fn native_comes_first_in_the_first_round() {
        let cells = cells();
        for seed in 0..20 {
            let plan = planned(seed);
            for case in ["a", "b", "c"] {
                let first = plan.launches.iter().find(|l| cells[l.cell].case.workload == case);
                assert!(cells[first.expect("a launch").cell].target.is_native());
            }
        }
    }

    #[test]
    fn the_order_varies_with_the_seed_and_only_with_it() {
        assert_eq!(planned(3), planned(3));
        assert_ne!(planned(3).launches, planned(4).launches);
    }

    #[test]
    fn the_first_start_is_measured_at_steady_state_and_the_others_cold() {
        let plan = planned(5);
        let of = |start, kind| {
            plan.launches.iter().filter(|l| l.start == start && l.kind == kind).count()
        };
        assert_eq!(of(Start::Plain, LaunchKind::Cold), 0);
        assert_eq!(of(Start::Snapshot, LaunchKind::Cold), 6 * 3, "in three rounds of a quick run");
        assert_eq!(of(Start::Snapshot, LaunchKind::Steady), 0);
        assert_eq!(of(Start::Plain, LaunchKind::Steady), 9 * plan.rounds as usize);
    }
}
