//! Workload folders: `workload.toml`, `workload.py`, `assets/`.

mod assets;
mod own;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{file_sha256, sha256};
use wasmfit_record::{Case, CrossingPlan, DeviationCause, OutputFormat, Tolerance, WorkloadRecord};

pub(crate) use self::assets::Assets;
pub(crate) use self::own::{CALIBRATION, OwnWorkload, of_encoding};

use crate::exit::CommandError;

/// In `guests`: every guest that has its packages.
pub(crate) const ANY_GUEST: &str = "*";

/// What stands where `workload.toml` leaves something out.
const NOT_STATED: &str = "not stated";

/// A workload as its folder describes it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Workload {
    /// The folder's name.
    pub(crate) name: String,
    /// The folder, absolute.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    /// `workload.toml`.
    #[serde(flatten)]
    pub(crate) manifest: Manifest,
}

/// `workload.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// One line: what it is.
    pub(crate) title: String,
    /// What kind of inference path it stands for.
    pub(crate) stands_for: String,
    /// Where data and model come from.
    pub(crate) data: String,
    /// Import names needed beyond the standard library.
    pub(crate) packages: Vec<String>,
    /// WASM guests it can run on; `*` for all that have its packages.
    pub(crate) guests: Vec<String>,
    /// Expected dominant cost class, where one is.
    pub(crate) dominant: Option<CostClass>,
    /// Distinct requests.
    pub(crate) requests: u32,
    /// Items per request; `[1]` means that the workload knows no batches.
    pub(crate) batch_sizes: Vec<u32>,
    /// How responses are compared.
    pub(crate) output: Output,
    /// What proves the model real, where something does.
    pub(crate) accuracy: Option<Accuracy>,
    /// SHA-256 of files in `assets/`, by their path there. A file named here
    /// has to be there and be that file.
    #[serde(default)]
    pub(crate) assets: BTreeMap<String, String>,
    /// What it measures of the boundary: lab workloads alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) boundary: Option<CrossingPlan>,
}

/// The cost classes that a workload can be dominated by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CostClass {
    /// Bytecode, objects, memory management, dispatch.
    Interpreter,
    /// Compiled kernels.
    Compute,
    /// Moving and converting data.
    Marshalling,
}

impl CostClass {
    /// The name used in files and reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Interpreter => "interpreter",
            Self::Compute => "compute",
            Self::Marshalling => "marshalling",
        }
    }
}

/// `[output]` of `workload.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    format: OutputFormat,
    #[serde(default)]
    absolute_tolerance: f64,
    #[serde(default)]
    relative_tolerance: f64,
    /// Why responses elsewhere may differ from native's, as the author found.
    #[serde(default)]
    deviations: Vec<DeviationCause>,
}

impl Output {
    /// How responses are compared.
    pub(crate) const fn tolerance(&self) -> Tolerance {
        Tolerance {
            format: self.format,
            absolute: self.absolute_tolerance,
            relative: self.relative_tolerance,
        }
    }
}

/// `[accuracy]` of `workload.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Accuracy {
    metric: String,
    value: f64,
}

impl fmt::Display for Accuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.metric, self.value)
    }
}

/// The line of a TOML file that is at fault, from 1.
pub(crate) fn line_of(error: &toml::de::Error, text: &str) -> usize {
    error.span().map_or(1, |span| line_at(text, span.start))
}

/// The line of `text` that holds its byte `start`, from 1.
pub(crate) fn line_at(text: &str, start: usize) -> usize {
    1 + text[..start].matches('\n').count()
}

impl Manifest {
    /// The class that is expected to dominate, in words.
    pub(crate) fn dominant(&self) -> &'static str {
        self.dominant.map_or(NOT_STATED, CostClass::name)
    }

    /// What proves the model real, in words.
    pub(crate) fn accuracy(&self) -> String {
        self.accuracy.as_ref().map_or_else(|| NOT_STATED.into(), Accuracy::to_string)
    }
}

impl Workload {
    /// Reads the workload in `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self, CommandError> {
        let path = folder.join("workload.toml");
        let usage = |reason: String| CommandError::Usage(format!("{}: {reason}", path.display()));
        let text = fs::read_to_string(&path).map_err(|error| {
            usage(format!("{error}: a workload is a folder with workload.toml and workload.py"))
        })?;
        let manifest: Manifest = toml::from_str(&text).map_err(|error| {
            let line = line_of(&error, &text);
            usage(format!("line {line}: {}", error.message().replace('\n', "; ")))
        })?;
        if manifest.requests == 0 || manifest.batch_sizes.is_empty() {
            return Err(usage("needs at least one request and one batch size".into()));
        }
        let Tolerance { format, absolute, relative } = manifest.output.tolerance();
        if !(absolute >= 0.0 && relative >= 0.0) {
            return Err(usage("a tolerance is a number from 0 up".into()));
        }
        if format == OutputFormat::Bytes && (absolute, relative) != (0.0, 0.0) {
            return Err(usage(
                "bytes are equal or not: format \"bytes\" takes no tolerance".into(),
            ));
        }
        if let Some(plan) = &manifest.boundary {
            let groups = (1..).take(plan.payload_bytes.len());
            let is_whole = plan.payload_bytes.iter().all(|group| !group.is_empty());
            if !manifest.batch_sizes.iter().copied().eq(groups)
                || !is_whole
                || plan.directions.is_empty()
            {
                return Err(usage(
                    "[boundary] needs directions, and one list of payload_bytes for each of the batch sizes 1, 2, 3 and so on".into(),
                ));
            }
        }
        let folder = folder
            .canonicalize()
            .map_err(|error| CommandError::Usage(format!("{}: {error}", folder.display())))?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, folder, manifest })
    }

    /// All workloads in a folder, by name.
    pub(crate) fn read_all(folder: &Path) -> Result<Vec<Self>, CommandError> {
        let entries = fs::read_dir(folder).map_err(|error| {
            CommandError::Usage(format!(
                "{}: {error}: give --workload a folder, or set WASMFIT_WORKLOADS",
                folder.display()
            ))
        })?;
        let mut folders: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.join("workload.toml").is_file())
            .collect();
        folders.sort();
        folders.iter().map(|folder| Self::read(folder)).collect()
    }

    /// The workloads named, or all in `folder` when none is.
    pub(crate) fn find_all(names: &[String], folder: &Path) -> Result<Vec<Self>, CommandError> {
        if !names.is_empty() {
            return names.iter().map(|name| Self::find(name, folder)).collect();
        }
        let all = Self::read_all(folder)?;
        if all.is_empty() {
            let message = format!("{} holds no workloads", folder.display());
            return Err(CommandError::Usage(message));
        }
        Ok(all)
    }

    /// The workload named `name` in `folder`, or at the path `name`.
    pub(crate) fn find(name: &str, folder: &Path) -> Result<Self, CommandError> {
        let known = folder.join(name);
        if !name.contains('/') && known.is_dir() {
            return Self::read(&known);
        }
        if Path::new(name).is_dir() {
            return Self::read(Path::new(name));
        }
        let names: Vec<String> = Self::read_all(folder)?.into_iter().map(|one| one.name).collect();
        Err(CommandError::Usage(format!(
            "no workload {name:?}: there are {}, and any folder with a workload.toml",
            names.join(", ")
        )))
    }

    /// Its cases: one per batch size.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let workload = &self.name;
        if self.manifest.batch_sizes == [1] {
            return vec![Case { workload: workload.clone(), batch: None }];
        }
        let sizes = self.manifest.batch_sizes.iter();
        sizes.map(|batch| Case { workload: workload.clone(), batch: Some(*batch) }).collect()
    }

    /// How many requests a case of it has.
    pub(crate) fn requests_of(&self, case: &Case) -> u32 {
        let crossings = self.manifest.boundary.as_ref().map(|it| it.crossings(case.batch).len());
        crossings.map_or(self.manifest.requests, |it| u32::try_from(it).unwrap_or(u32::MAX))
    }

    /// What runners are told of it.
    pub(crate) fn for_runner(&self) -> wasmfit_protocol::Workload {
        wasmfit_protocol::Workload {
            name: self.name.clone(),
            folder: self.folder.clone(),
            packages: self.manifest.packages.clone(),
        }
    }

    /// SHA-256 over all that decides what it does with its own requests: code,
    /// assets, how many requests, of which batches.
    pub(crate) fn identity(&self) -> Result<String, CommandError> {
        let (record, _) = self.record()?;
        let Manifest { requests, batch_sizes, boundary, .. } = &self.manifest;
        let (code, assets) = (record.code_sha256, record.assets_sha256);
        let told = serde_json::to_vec(&(code, assets, requests, batch_sizes, boundary));
        Ok(sha256(&told.unwrap_or_default()))
    }

    /// Its record, with hashes, and its assets.
    pub(crate) fn record(&self) -> Result<(WorkloadRecord, Assets), CommandError> {
        let (dominant, accuracy) = (self.manifest.dominant().into(), self.manifest.accuracy());
        let Manifest { title, stands_for, data, packages, output, boundary, .. } =
            self.manifest.clone();
        let assets = Assets::read(&self.folder.join("assets")).map_err(|error| {
            CommandError::Usage(format!("workload {}: {error}", self.folder.display()))
        })?;
        let code = self.folder.join("workload.py");
        let code_sha256 = file_sha256(&code).map_err(|error| {
            CommandError::Usage(format!("{}: {error}: a workload needs its code", code.display()))
        })?;
        let record = WorkloadRecord {
            name: self.name.clone(),
            title,
            stands_for,
            data,
            dominant,
            packages,
            tolerance: output.tolerance(),
            deviations: output.deviations,
            accuracy,
            code_sha256,
            assets_sha256: assets.sha256(),
            assets_bytes: assets.bytes(),
            boundary,
        };
        Ok((record, assets))
    }
}
