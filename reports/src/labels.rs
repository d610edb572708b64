//! Names of targets in charts, sentences and tables.

use std::collections::BTreeSet;

use wasmfit_record::Target;

use crate::analysis::Analysis;

/// Decides once per report how much of a target's name is needed. The tier
/// always is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Labels {
    /// Whether the guest is told.
    name_guests: bool,
}

impl Labels {
    /// Whole names, which a command line takes.
    pub(crate) const WHOLE: Self = Self { name_guests: true };

    /// Without the guest where all targets run the same.
    pub(crate) fn of(analysis: &Analysis) -> Self {
        let guests: BTreeSet<_> =
            analysis.cells().map(|(_, cell)| cell.target.guest.as_str()).collect();
        Self { name_guests: guests.len() > 1 }
    }

    pub(crate) fn target(self, target: &Target) -> String {
        let full = target.to_string();
        match full.split_once('@') {
            Some((executor, _)) if !self.name_guests => executor.to_owned(),
            _ => full,
        }
    }
}
