//! Whether native and each guest run the same Python and packages: without
//! that, a ratio compares versions as well as platforms.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wasmfit_protocol::Versions;

use super::WorkloadAnalysis;

/// A guest's versions beside native's, over every case that was measured
/// both natively and in the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GuestParity {
    /// The guest.
    pub guest: String,
    /// Version of its Python.
    pub python: String,
    /// Versions of the packages that the workloads name.
    pub packages: BTreeMap<String, String>,
    /// What native has in other versions; empty where all are the same.
    pub differences: Vec<VersionDifference>,
}

/// A version that native and a guest do not share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct VersionDifference {
    /// `Python` or a package.
    pub of: String,
    /// Native's version; `none` where it has none.
    pub native: String,
    /// The guest's.
    pub guest: String,
}

/// By guest, in order of first appearance; empty where no case was measured
/// both natively and in a guest.
pub(super) fn of(workloads: &[WorkloadAnalysis]) -> Vec<GuestParity> {
    let mut guests: Vec<GuestParity> = Vec::new();
    for case in workloads.iter().flat_map(|workload| &workload.cases) {
        let Some(native) = case.native() else { continue };
        for cell in case.cells.iter().filter(|cell| !cell.target.is_native()) {
            let Some(measured) = cell.measured() else { continue };
            // Compiled code is of no Python.
            if measured.versions.python.is_empty() {
                continue;
            }
            let name = &cell.target.guest;
            let guest = match guests.iter().position(|it| it.guest == *name) {
                Some(known) => &mut guests[known],
                None => guests.push_mut(GuestParity {
                    guest: name.clone(),
                    python: measured.versions.python.clone(),
                    packages: BTreeMap::new(),
                    differences: Vec::new(),
                }),
            };
            guest.packages.extend(measured.versions.packages.clone());
            for difference in differing(&native.versions, &measured.versions) {
                if !guest.differences.contains(&difference) {
                    guest.differences.push(difference);
                }
            }
        }
    }
    guests
}

fn differing<'a>(
    native: &'a Versions,
    guest: &'a Versions,
) -> impl Iterator<Item = VersionDifference> + 'a {
    let python = VersionDifference {
        of: "Python".to_owned(),
        native: native.python.clone(),
        guest: guest.python.clone(),
    };
    let names: BTreeSet<_> = native.packages.keys().chain(guest.packages.keys()).collect();
    let version = |versions: &Versions, name: &str| {
        versions.packages.get(name).cloned().unwrap_or_else(|| "none".to_owned())
    };
    let packages = names.into_iter().map(move |name| VersionDifference {
        of: name.clone(),
        native: version(native, name),
        guest: version(guest, name),
    });
    std::iter::once(python).chain(packages).filter(|it| it.native != it.guest)
}
