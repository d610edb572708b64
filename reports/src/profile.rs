//! The profile of a run, by cell.

use std::collections::BTreeMap;
use std::path::Path;

use wasmfit_protocol::RequestPhase;
use wasmfit_record::{Class, RecordError, Run, RunDirectory, read_profile_records};

/// Samples of a cell, of all its launches, by place.
pub(crate) type CellProfile = BTreeMap<Place, u64>;

/// Where samples fell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) phase: RequestPhase,
    pub(crate) class: Class,
    pub(crate) symbol: String,
    pub(crate) object: String,
    pub(crate) charged_to: String,
}

/// Reads the profile of a run, by index of cell.
pub(crate) fn read(folder: &Path, run: &Run) -> Result<BTreeMap<usize, CellProfile>, RecordError> {
    let mut profiles: BTreeMap<usize, CellProfile> = BTreeMap::new();
    if run.profile_bytes == 0 {
        return Ok(profiles);
    }
    let path = RunDirectory::profile_of(folder);
    let damaged = |reason| RecordError::Damaged { path: path.clone(), reason };
    let cells: BTreeMap<u32, usize> =
        run.launches.iter().map(|launch| (launch.id, launch.planned.cell)).collect();
    let mut stray = None;
    read_profile_records(&path, run.profile_bytes, |row| {
        let Some(cell) = cells.get(&row.launch) else {
            stray = Some(row.launch);
            return;
        };
        let place = Place {
            phase: row.phase,
            class: row.class,
            symbol: row.symbol,
            object: row.object,
            charged_to: row.charged_to,
        };
        *profiles.entry(*cell).or_default().entry(place).or_default() += row.count;
    })?;
    match stray {
        Some(id) => Err(damaged(format!("it has samples of launch {id}, which run.json lacks"))),
        None => Ok(profiles),
    }
}
