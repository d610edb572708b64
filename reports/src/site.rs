//! Several runs as a static site: an index, every report, and how each case
//! changed from run to run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use askama::Template;

use crate::analysis::Analysis;
use crate::charts::{self, Figure};
use crate::format::count;
use crate::html::{SCRIPT, script_hash, subject};
use crate::live::{self, Live, RunPlace};
use crate::verdict::Grade;
use crate::{ReportError, analyze, render, replace};

/// What is copied beside a report: its figures follow from these.
const RAW: [&str; 3] = ["run.json", "samples.csv", "profile.csv"];

/// What the template is filled with.
#[derive(Template)]
#[template(path = "site.html")]
struct Index {
    runs: Vec<Entry>,
    histories: Vec<Figure>,
    /// Whether there is a page on which readers measure.
    is_live: bool,
    script_hash: String,
}

/// A run in the index.
struct Entry {
    /// Its folder below `runs/`.
    folder: String,
    started_at: String,
    version: String,
    cpu: String,
    profile: &'static str,
    subject: String,
    samples: String,
    /// Verdicts of each grade, the best grade first; empty without any.
    grades: Vec<(Grade, usize)>,
}

/// Writes the runs in `folders` as a site into `out`, which may hold one
/// already, and returns its index. With a guest that readers run, the last of
/// the runs gets a page on which they do.
pub fn publish(
    folders: &[PathBuf],
    live: Option<&Live>,
    out: &Path,
) -> Result<PathBuf, ReportError> {
    let mut runs = Vec::new();
    for folder in folders {
        runs.push((folder, analyze(folder)?));
    }
    runs.sort_by(|(_, a), (_, b)| a.started_at.cmp(&b.started_at));
    let mut taken = BTreeSet::new();
    let mut entries = Vec::new();
    for (folder, analysis) in &runs {
        let name = free_name(&analysis.started_at, &mut taken);
        let place = out.join("runs").join(&name);
        fs::create_dir_all(&place).map_err(|source| ReportError::io(&place, source))?;
        render(&place, analysis)?;
        for file in RAW {
            let from = folder.join(file);
            // A run without a profile has no such file.
            if from.exists() {
                fs::copy(&from, place.join(file))
                    .map_err(|source| ReportError::io(&from, source))?;
            }
        }
        entries.push(entry(name, analysis));
    }
    if let (Some(live), Some((folder, analysis)), Some(entry)) = (live, runs.last(), entries.last())
    {
        live::write(live, &RunPlace { folder, name: &entry.folder }, analysis, out)?;
    }
    let analyses: Vec<_> = runs.iter().map(|(_, analysis)| analysis).collect();
    let index = Index {
        runs: entries,
        histories: charts::histories(&analyses)?,
        is_live: live.is_some(),
        script_hash: script_hash(),
    };
    let path = out.join("index.html");
    replace(&path, &index.render()?)?;
    Ok(path)
}

/// When the run began, as a folder's name; with a number behind it where two
/// runs began in the same second.
fn free_name(started_at: &str, taken: &mut BTreeSet<String>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    let name: String = started_at.chars().map(plain).collect();
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let free = std::iter::once(name.clone()).chain(numbered).find(|it| !taken.contains(it));
    let free = free.unwrap_or(name);
    taken.insert(free.clone());
    free
}

fn entry(folder: String, analysis: &Analysis) -> Entry {
    let of_grade = |grade| (grade, analysis.verdicts.iter().filter(|it| it.grade == grade).count());
    let grades =
        if analysis.verdicts.is_empty() { Vec::new() } else { Grade::ALL.map(of_grade).to_vec() };
    Entry {
        folder,
        started_at: analysis.started_at.clone(),
        version: analysis.wasmfit_version.clone(),
        cpu: analysis.environment.cpu.clone(),
        profile: analysis.profile.name(),
        subject: subject(analysis),
        samples: count(analysis.samples),
        grades,
    }
}
