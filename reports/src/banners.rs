//! What must be seen before any figure: parity, completeness, outputs, noise.

use crate::analysis::{Analysis, CellState, GuestParity, MachineNoise, Outputs};
use crate::format::{counted, percent};
use crate::warnings::{Severity, Warning};

/// How a banner is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Caution,
    Problem,
}

impl Tone {
    /// The name of its style.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Caution => "caution",
            Self::Problem => "problem",
        }
    }

    /// A mark that does not need colour.
    pub(crate) const fn mark(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Caution => "!",
            Self::Problem => "✗",
        }
    }
}

/// A statement on the first screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Banner {
    pub(crate) tone: Tone,
    pub(crate) title: String,
    pub(crate) text: String,
}

/// All but those of [`parity`], in reading order.
pub(crate) fn of(analysis: &Analysis) -> Vec<Banner> {
    let always = [outputs(analysis), noise(analysis)];
    of_the_run(analysis).chain(failures(analysis)).chain(always).collect()
}

/// What every figure of the run is to be read with.
fn of_the_run(analysis: &Analysis) -> impl Iterator<Item = Banner> {
    let concern_all = analysis.warnings.iter().filter(|warning| {
        matches!(
            warning,
            Warning::UnfinishedRun { .. }
                | Warning::Injected { .. }
                | Warning::SeveralMachines { .. }
        )
    });
    concern_all.map(|warning| Banner {
        tone: match warning.severity() {
            Severity::Problem => Tone::Problem,
            Severity::Caution | Severity::Note => Tone::Caution,
        },
        title: warning.title().to_owned(),
        text: format!("{}; {}.", warning.finding(), warning.remedy().replace('`', "")),
    })
}

fn failures(analysis: &Analysis) -> Option<Banner> {
    let states = || analysis.cells().map(|(_, cell)| &cell.state);
    let count =
        |matching: fn(&CellState) -> bool| states().filter(|it| matching(it)).count() as u64;
    let of_lab = |is_failure| {
        let missing = analysis.boundary.iter().flat_map(|lab| &lab.missing);
        missing.filter(|it| it.is_failure == is_failure && !it.is_pending).count() as u64
    };
    let failed = count(|state| matches!(state, CellState::Failed { .. })) + of_lab(true);
    let unsupported = count(|state| matches!(state, CellState::Unsupported { .. }));
    let unsupported = unsupported + of_lab(false);
    if failed + unsupported == 0 {
        return None;
    }
    let parts = [(failed, "failed"), (unsupported, "unsupported")];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> =
        parts.map(|(count, what)| format!("{} {what}", counted(count, "cell", "cells"))).collect();
    Some(Banner {
        tone: if failed > 0 { Tone::Problem } else { Tone::Caution },
        title: parts.join(", "),
        text: "Reasons are given below; every other cell stands.".to_owned(),
    })
}

fn outputs(analysis: &Analysis) -> Banner {
    let (mut identical, mut within, mut unverified) = (0, 0, 0);
    for (_, _, measured) in analysis.measured() {
        match measured.outputs {
            Outputs::Baseline => {}
            Outputs::Identical { .. } => identical += 1,
            Outputs::WithinTolerance { .. } => within += 1,
            Outputs::Unverified => unverified += 1,
        }
    }
    if let Some(lab) = &analysis.boundary {
        identical += lab.identical_cells;
        unverified += lab.unverified_cells;
    }
    let parts = [
        (identical, "byte-identical to native"),
        (within, "within the workload's tolerance of native"),
        (unverified, "not verified"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> =
        parts.map(|(count, what)| format!("{} {what}", counted(count, "cell", "cells"))).collect();
    let (tone, title) = match (identical + within, unverified) {
        (0, 0) => (Tone::Caution, "No outputs to verify"),
        (_, 0) => (Tone::Good, "Outputs verified"),
        _ => (Tone::Caution, "Outputs not all verified"),
    };
    let text =
        if parts.is_empty() { "No guest was measured.".into() } else { parts.join(", ") + "." };
    Banner { tone, title: title.to_owned(), text }
}

/// Whether native and each guest run the same versions, one by one.
pub(crate) fn parity(analysis: &Analysis) -> Vec<Banner> {
    if analysis.parity.is_empty() {
        return vec![Banner {
            tone: Tone::Caution,
            title: "Versions not compared".to_owned(),
            text: "No case was measured both natively and in a guest.".to_owned(),
        }];
    }
    analysis.parity.iter().map(parity_of).collect()
}

fn parity_of(parity: &GuestParity) -> Banner {
    let guest = &parity.guest;
    if parity.differences.is_empty() {
        let packages = parity.packages.iter().map(|(name, version)| format!("{name} {version}"));
        let versions = std::iter::once(format!("Python {}", parity.python)).chain(packages);
        return Banner {
            tone: Tone::Good,
            title: format!("{guest}: the same versions as native"),
            text: format!("{}.", versions.collect::<Vec<_>>().join(", ")),
        };
    }
    let texts = parity
        .differences
        .iter()
        .map(|it| format!("{} is {} in {guest} and {} natively", it.of, it.guest, it.native));
    let texts = texts.collect::<Vec<_>>().join("; ");
    Banner {
        tone: Tone::Caution,
        title: format!("{guest}: other versions than native"),
        text: format!("{texts}. Its ratios compare versions as well as platforms."),
    }
}

fn noise(analysis: &Analysis) -> Banner {
    let disturbances = analysis.warnings.iter().filter(|warning| {
        matches!(
            warning,
            Warning::Steal { .. }
                | Warning::OtherProcesses { .. }
                | Warning::Throttled { .. }
                | Warning::Preempted { .. }
                | Warning::BusyMachine { .. }
                | Warning::Governor { .. }
        )
    });
    let mut titles: Vec<_> = disturbances.map(Warning::title).collect();
    titles.dedup();
    let measures = noise_measures(&analysis.noise);
    if titles.is_empty() {
        let title = "No disturbance of the machine seen".to_owned();
        return Banner { tone: Tone::Good, title, text: measures };
    }
    let mut title = titles.join("; ").to_lowercase();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Banner { tone: Tone::Caution, title, text: measures }
}

fn noise_measures(noise: &MachineNoise) -> String {
    let steal = noise.worst_steal_share.map_or_else(
        || "Steal is not told by this system".to_owned(),
        |share| format!("Steal at most {} in a launch", percent(share)),
    );
    // Reading the CPU clock takes time that the wall readings leave out,
    // which shows in requests of a microsecond.
    let cpu = noise
        .lowest_cpu_share
        .map(|share| format!("on the processor at least {} of the time", percent(share.min(1.0))));
    let spread = noise
        .widest_spread_share
        .map(|share| format!("launch medians of one cell differ by up to {}", percent(share)));
    let others = noise
        .worst_others_share
        .map(|share| format!("other processes had at most {} of the machine", percent(share)));
    let parts: Vec<_> = [Some(steal), others, cpu, spread].into_iter().flatten().collect();
    format!("{}.", parts.join("; "))
}
