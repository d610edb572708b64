//! Runner for CPython compiled to WASI in Node.js: an addon that the Node
//! under test loads, so that it is the user's own Node, and V8 in it, that is
//! measured. What only JavaScript can do is in `launch.js`.

#![cfg_attr(test, allow(dead_code, reason = "napi leaves its exports out of tests"))]

mod code;
mod door;
mod host;
mod turning;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::{fs, io};

use napi::bindgen_prelude::Object;
use napi_derive::napi;
use wasmfit_kit::protocol::{
    Artifact, Boundary, ColdPhase, Failure, FailureKind, GuestFiles, Interpreter, Job, Refusal,
    Refused, Sampling, Task, Tier,
};
use wasmfit_kit::{
    Ended, Invocation, Runtime, Session, Stdio, guest_of, needs_components, needs_no_javascript,
    no_tier, read_module, refusal,
};

use crate::host::{Ending, Host};

/// The one tier: V8 as it comes, which compiles a function when it is first
/// called, quickly, and again with optimisation when it is called often.
const TIER: &str = "v8";

struct Node<'env> {
    host: Host<'env>,
}

impl Runtime for Node<'_> {
    fn name(&self) -> &'static str {
        "node"
    }

    fn version(&self) -> String {
        self.host.version()
    }

    fn has_javascript(&self) -> bool {
        true
    }

    fn tiers(&self) -> Vec<Tier> {
        let opt_in = Some("a JavaScript engine, beside the runtimes of servers".to_owned());
        let brython = Refusal {
            guests: Refused::Interpreter(Interpreter::Brython),
            reason: "it is made for pages: chromium/main-thread".to_owned(),
        };
        vec![Tier { opt_in, refuses: vec![brython], ..Tier::new(TIER) }]
    }

    fn compile(&self, tier: &str, module: &[u8]) -> Result<(), String> {
        if tier != TIER {
            return Err(no_tier(tier).message);
        }
        self.host.compile(module)
    }

    /// Node keeps nothing of what V8 compiles.
    fn prepare(&self, job: &Job) -> Result<Option<Artifact>, Failure> {
        if job.tier != TIER {
            return Err(no_tier(&job.tier));
        }
        let module = read_module(guest_of(job)?)?;
        self.compile(TIER, &module).map_err(|error| refusal(&module, "compile", error))?;
        Ok(None)
    }

    fn serve(&self, job: &Job, mut session: Session) -> Result<Ended, Failure> {
        if job.tier != TIER {
            return Err(no_tier(&job.tier));
        }
        let files = guest_of(job)?;
        let limit_bytes = job.limits.memory_bytes;
        let ended_by = |it: Ending| Failure::from(it.told(limit_bytes));
        if files.boundary != Boundary::JavaScript {
            session.begin(ColdPhase::Compile);
            let loaded = self.host.limit_memory(limit_bytes);
            loaded.and_then(|()| self.host.load(&files.module)).map_err(ended_by)?;
            session.begin(ColdPhase::Instantiate);
        }
        let invocation = Invocation::new(files, &mut session);
        let (session, trouble) = match files.boundary {
            Boundary::Component => return Err(needs_components(files)),
            Boundary::NamedCall => return Err(needs_no_javascript(files)),
            Boundary::HostCall => self.call(&invocation, session)?,
            Boundary::Stdio => self.run(&invocation, session)?,
            Boundary::JavaScript => self.open(&invocation, files, job, session)?,
        };
        let trouble = trouble.map(|it| it.told(limit_bytes).into());
        let linear_memory_bytes = Some(self.host.linear_memory_bytes());
        let is_profiled = matches!(
            job.task,
            Task::Measure { sampling: Some(Sampling { profile: Some(_), .. }), .. }
        );
        let code = is_profiled.then(code::of_guest).flatten();
        Ok(Ended { session, code, linear_memory_bytes, elsewhere: None, trouble })
    }
}

impl Node<'_> {
    /// Has a guest that calls the host serve.
    fn call(
        &self,
        invocation: &Invocation,
        session: Session,
    ) -> Result<(Session, Option<Ending>), Failure> {
        let program = session.program().to_owned();
        door::open(session);
        let ended = self.host.instantiate(invocation).and_then(|()| {
            door::begin(ColdPhase::Initialize);
            self.host.initialize_and_run(&program)
        });
        let lost = || Failure::new(FailureKind::Runner, "guest", "the session was lost");
        Ok((door::close().ok_or_else(lost)?, ended.err()))
    }

    /// Has an interpreter serve that brings itself up and tells of its phases.
    fn open(
        &self,
        invocation: &Invocation,
        files: &GuestFiles,
        job: &Job,
        session: Session,
    ) -> Result<(Session, Option<Ending>), Failure> {
        let folder = folder_of(files, &job.scratch)
            .map_err(|error| Failure::new(FailureKind::Guest, "spawn", error.to_string()))?;
        let program = session.program().to_owned();
        door::open(session);
        let memory_bytes = job.limits.memory_bytes;
        let opened =
            self.host.open_interpreter(files.interpreter, invocation, &folder, memory_bytes);
        let ended = opened.and_then(|()| self.host.run_in_interpreter(&program));
        let lost = || Failure::new(FailureKind::Runner, "guest", "the session was lost");
        Ok((door::close().ok_or_else(lost)?, ended.err()))
    }

    /// Has a guest that is a command serve.
    fn run(
        &self,
        invocation: &Invocation,
        mut session: Session,
    ) -> Result<(Session, Option<Ending>), Failure> {
        let unready = |error: std::io::Error| {
            Failure::new(FailureKind::Runner, "instantiate", error.to_string())
        };
        let stdio = Stdio::redirect().map_err(unready)?;
        if let Err(ended) = self.host.instantiate(invocation) {
            return Ok((session, Some(ended)));
        }
        session.begin(ColdPhase::Initialize);
        let (session, ended) = stdio.serve(session, || self.host.start()).map_err(unready)?;
        Ok((session, ended.err()))
    }
}

/// Puts together in one folder what an interpreter looks for in one, its module
/// under its own name.
fn folder_of(files: &GuestFiles, scratch: &Path) -> io::Result<PathBuf> {
    let folder = scratch.join("interpreter");
    fs::create_dir_all(&folder)?;
    symlink(&files.module, folder.join(files.interpreter.own_name()))?;
    for entry in files
        .library
        .iter()
        .map(fs::read_dir)
        .collect::<io::Result<Vec<_>>>()?
        .into_iter()
        .flatten()
    {
        let path = entry?.path();
        symlink(&path, folder.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(folder)
}

/// Does the job on standard input with what `launch.js` offers; returns the
/// exit code.
#[napi]
#[must_use]
pub fn main(host: Object<'_>) -> u8 {
    wasmfit_kit::run(&Node { host: Host::new(host) })
}
