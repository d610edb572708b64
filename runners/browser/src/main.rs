//! Runner for CPython compiled to WASI in a browser: Chromium, headless, of
//! which each launch starts one of its own.
//!
//! ```text
//! wasmfit-browser WASI PYSCRIPT CHROMIUM [NAME=VALUE...]
//! ```
//!
//! with the folders of the modules by which guests have WASI and of PyScript,
//! the browser, and what to add to its environment.

mod browser;
mod devtools;
mod frames;
mod http;
mod packed;
mod profile;
mod site;
mod tier;
mod visit;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;

use wasmfit_kit::protocol::{Artifact, Failure, FailureKind, GuestFiles, Job, Task, Tier};
use wasmfit_kit::{
    Elsewhere, Ended, Invocation, Replay, Runtime, Session, decline, guest_of, no_tier,
};

use crate::browser::{Browser, Program};
use crate::site::{Content, Modules};
use crate::tier::Conditions;
use crate::visit::{Profiling, Visit};

/// The browser as it was found.
struct Chromium {
    modules: Modules,
    program: Program,
    version: String,
    /// Tries modules; started when the first is to be tried.
    trial: OnceCell<Result<std::cell::RefCell<Trial>, String>>,
}

/// A browser that compiles small modules, and what it said of each.
struct Trial {
    browser: Browser,
    known: HashMap<Vec<u8>, Result<(), String>>,
}

impl Runtime for Chromium {
    fn name(&self) -> &'static str {
        "chromium"
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn is_elsewhere(&self) -> bool {
        true
    }

    fn has_javascript(&self) -> bool {
        true
    }

    fn tiers(&self) -> Vec<Tier> {
        tier::all()
    }

    /// All tiers are one engine.
    fn compile(&self, tier: &str, module: &[u8]) -> Result<(), String> {
        Conditions::of(tier).ok_or_else(|| no_tier(tier).message)?;
        let trial = self.trial.get_or_init(|| {
            let browser = Browser::start(&self.program, None, None)?;
            Ok(Trial { browser, known: HashMap::new() }.into())
        });
        let mut trial = trial.as_ref().map_err(Clone::clone)?.borrow_mut();
        if let Some(known) = trial.known.get(module) {
            return known.clone();
        }
        let answer = trial.browser.compiles(module);
        trial.known.insert(module.to_owned(), answer.clone());
        answer
    }

    /// Packs the module for its way: browsers keep compiled code, but not
    /// where anybody else could put it.
    fn prepare(&self, job: &Job) -> Result<Option<Artifact>, Failure> {
        Conditions::of(&job.tier).ok_or_else(|| no_tier(&job.tier))?;
        packed::guest(guest_of(job)?, &job.artifacts)?;
        Ok(None)
    }

    fn serve(&self, job: &Job, mut session: Session) -> Result<Ended, Failure> {
        let conditions = Conditions::of(&job.tier).ok_or_else(|| no_tier(&job.tier))?;
        let files = guest_of(job)?;
        let invocation = Invocation::new(files, &mut session);
        let Task::Measure { sampling, .. } = &job.task else {
            let message = "this runner serves requests to measure them, and nothing else";
            return Err(Failure::new(FailureKind::Unsupported, "spawn", message));
        };
        let content = Content::new(&self.modules, files, conditions, &job.artifacts, &invocation)
            .map_err(|error| unready(&error))?;
        let limits = job.limits;
        let profile_folder = job.scratch.join("browser");
        let browser = Browser::start(&self.program, Some(&profile_folder), Some(limits));
        let mut browser = browser.map_err(not_started)?;
        if let Some(network) = conditions.network {
            browser.pretend(network).map_err(not_started)?;
        }
        let site = site::open(content, conditions, limits, browser.inbox())
            .map_err(|error| unready(&error))?;
        let replay = Replay::new(session);
        let mut visit = Visit { browser: &mut browser, site: &site, limits };
        if conditions.is_revisit {
            visit.rehearse(&replay)?;
        }
        let asked = sampling.as_ref().and_then(|it| it.profile);
        let profiling = asked.map(|it| Profiling { hertz: it.hertz, module: module_name(files) });
        let ended = visit.measure(replay, profiling, &job.scratch)?;
        let peak_resident_bytes = browser.peak_resident_bytes();
        browser.end();
        let _ = std::fs::remove_dir_all(&profile_folder);
        Ok(Ended {
            session: ended.session,
            code: None,
            // Brython has none.
            linear_memory_bytes: Some(ended.linear_memory_bytes).filter(|it| *it > 0),
            elsewhere: Some(Elsewhere {
                peak_resident_bytes,
                profile: ended.profile,
                page: ended.page,
            }),
            trouble: ended.trouble,
        })
    }
}

/// The guest's module as profiles name it.
fn module_name(files: &GuestFiles) -> String {
    files.module.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn not_started(reason: String) -> Failure {
    Failure::new(FailureKind::NotStarted, "spawn", reason)
}

fn unready(error: &std::io::Error) -> Failure {
    Failure::new(FailureKind::Runner, "spawn", error.to_string())
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(wasi), Some(pyscript), Some(program)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        eprintln!("usage: wasmfit-browser WASI PYSCRIPT CHROMIUM [NAME=VALUE...]");
        return ExitCode::from(2);
    };
    let environment = arguments.filter_map(|it| {
        let (name, value) = it.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    let program = Program { path: program.into(), environment: environment.collect() };
    let version = match program.version() {
        Ok(version) => version,
        Err(reason) => return decline(&reason).into(),
    };
    for (folder, entry, what) in
        [(&wasi, "index.js", "WASI for a page"), (&pyscript, "core.js", "PyScript")]
    {
        if !Path::new(folder).join(entry).is_file() {
            let reason = format!("{folder} holds no {what}: run scripts/setup --browser");
            return decline(&reason).into();
        }
    }
    let modules = Modules { wasi: wasi.into(), pyscript: pyscript.into() };
    let runtime = Chromium { modules, program, version, trial: OnceCell::new() };
    wasmfit_kit::run(&runtime).into()
}
