//! One version of everything that measures: where things are, and the runners.

use crate::drive::Runner;
use crate::exit::CommandError;
use crate::inventory::Inventory;
use crate::places::Places;
use crate::runners::{self, External};

/// What a version is measured with.
pub(crate) struct Setting {
    /// Where things are.
    pub(crate) places: Places,
    /// Every runner that a target can name.
    pub(crate) runners: Vec<Runner>,
    /// The runner that makes requests.
    pub(crate) native: Runner,
}

impl Setting {
    /// Runners as they are found in `places`, and those named besides.
    pub(crate) fn new(places: Places, external: &[External]) -> Self {
        let runners = runners::all(&places, external);
        let native = runners::native(&places);
        Self { places, runners, native }
    }

    /// What is there, native Python in any case.
    pub(crate) fn inventory(&self) -> Result<Inventory<'_>, CommandError> {
        let inventory = Inventory::take(&self.places, &self.runners);
        inventory.require_native()?;
        Ok(inventory)
    }
}
