//! Whether native and guest run the same Python and packages: without that,
//! a ratio compares versions as well as platforms.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use wasmfit_protocol::Versions;
use wasmfit_record::{Case, Target};

use super::WorkloadAnalysis;

/// Whether native and guests run the same versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "parity", rename_all = "kebab-case")]
pub enum Parity {
    /// They do, in every case.
    Same {
        /// Of Python; several where targets of several guests each have
        /// their own native.
        python: BTreeSet<String>,
        /// Package to version.
        packages: BTreeMap<String, String>,
    },
    /// They do not.
    Differs {
        /// Where.
        differences: Vec<VersionDifference>,
    },
    /// No case was measured both natively and in a guest.
    NothingToCompare,
}

/// A version that native and a guest do not share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VersionDifference {
    /// The case.
    pub case: Case,
    /// The target.
    pub target: Target,
    /// `Python` or a package.
    pub of: String,
    /// Native's version; `none` where it has none.
    pub native: String,
    /// The guest's.
    pub guest: String,
}

pub(super) fn of(workloads: &[WorkloadAnalysis]) -> Parity {
    let mut python = BTreeSet::new();
    let mut packages = BTreeMap::new();
    let mut differences = Vec::new();
    for case in workloads.iter().flat_map(|workload| &workload.cases) {
        let Some(native) = case.native() else { continue };
        for cell in case.cells.iter().filter(|cell| !cell.target.is_native()) {
            let Some(measured) = cell.measured() else { continue };
            python.insert(native.versions.python.clone());
            packages.extend(native.versions.packages.clone());
            differences.extend(differing(&native.versions, &measured.versions).map(
                |(of, native, guest)| VersionDifference {
                    case: case.case.clone(),
                    target: cell.target.clone(),
                    of,
                    native,
                    guest,
                },
            ));
        }
    }
    match (python.is_empty(), differences.is_empty()) {
        (true, _) => Parity::NothingToCompare,
        (false, true) => Parity::Same { python, packages },
        (false, false) => Parity::Differs { differences },
    }
}

/// What differs: its name, native's version, the guest's version.
fn differing<'a>(
    native: &'a Versions,
    guest: &'a Versions,
) -> impl Iterator<Item = (String, String, String)> + 'a {
    let python = ("Python".to_owned(), native.python.clone(), guest.python.clone());
    let names: BTreeSet<_> = native.packages.keys().chain(guest.packages.keys()).collect();
    let version = |versions: &Versions, name: &str| {
        versions.packages.get(name).cloned().unwrap_or_else(|| "none".to_owned())
    };
    let packages = names
        .into_iter()
        .map(move |name| (name.clone(), version(native, name), version(guest, name)));
    std::iter::once(python).chain(packages).filter(|(_, native, guest)| native != guest)
}
