//! Runs a runner's command in a container: `wasmfit-container RUNTIME
//! COMMAND...`, with the job on standard input as for the command itself.
//!
//! The bundle is laid out first, as an image that was pulled and unpacked would
//! be. Then the clock begins: `spawned_at_ns` of the job becomes the moment at
//! which the container's runtime is started, and `executed_at_ns`, which is
//! taken inside, the one at which it starts the command. What lies between is
//! what the container costs.

mod bundle;

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use wasmfit_protocol::{Job, monotonic_ns};

/// The first argument of this program within the container.
const INSIDE: &str = "--inside";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let ended = match arguments.split_first() {
        Some((first, command)) if first == INSIDE => go_on_inside(command),
        Some((runtime, command)) if !command.is_empty() => start(runtime, command),
        _ => Err(anyhow::anyhow!("wasmfit-container RUNTIME COMMAND...: wasmfit starts it")),
    };
    let Err(error) = ended;
    eprintln!("{error:#}");
    ExitCode::FAILURE
}

/// Becomes the container's runtime.
fn start(runtime: &OsString, command: &[OsString]) -> Result<std::convert::Infallible> {
    let mut job = read_job()?;
    let folder = std::path::absolute(job.scratch.join("container"))?;
    let own = env::current_exe().context("this program is not found")?;
    let inside: Vec<OsString> =
        [own.into_os_string(), INSIDE.into()].into_iter().chain(command.iter().cloned()).collect();
    bundle::write(&folder, &inside, &job.scratch)
        .with_context(|| format!("{} cannot be laid out", folder.display()))?;
    // Where the runtime notes what runs: another container of that name may
    // run in another folder.
    let state = folder.join("state");
    job.spawned_at_ns = monotonic_ns();
    hand_over(&job)?;
    let name = format!("wasmfit-{}", std::process::id());
    let mut program = Command::new(runtime);
    program.arg("--root").arg(state).args(["run", "--bundle"]).arg(&folder).arg(name);
    Err(program.exec()).with_context(|| format!("{} does not start", runtime.display()))
}

/// Becomes the runner.
fn go_on_inside(command: &[OsString]) -> Result<std::convert::Infallible> {
    let mut job = read_job()?;
    // Whoever ends the runtime means what runs in it: the harness knows no
    // other process.
    // SAFETY: takes a number, and concerns this process alone.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    let Some((program, arguments)) = command.split_first() else { bail!("no command") };
    job.executed_at_ns = monotonic_ns();
    hand_over(&job)?;
    Err(Command::new(program).args(arguments).exec())
        .with_context(|| format!("{} does not start in the container", program.display()))
}

fn read_job() -> Result<Job> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).context("no job")?;
    serde_json::from_str(&text).context("the job does not read")
}

/// Puts the job where the next program's standard input is: a file in memory,
/// since nobody would be left to fill a pipe.
fn hand_over(job: &Job) -> Result<()> {
    let mut line = serde_json::to_vec(job)?;
    line.push(b'\n');
    // SAFETY: the name is a string that ends with a zero; the descriptor is
    // taken over below.
    let made = unsafe { libc::memfd_create(c"job".as_ptr(), libc::MFD_CLOEXEC) };
    if made < 0 {
        return Err(io::Error::last_os_error()).context("no file in memory");
    }
    // SAFETY: just made, and nobody else's.
    let mut file = unsafe { File::from_raw_fd(made) };
    file.write_all(&line)?;
    io::Seek::rewind(&mut file)?;
    // SAFETY: both are open descriptors; the copy is not closed by `exec`.
    if unsafe { libc::dup2(file.as_raw_fd(), 0) } < 0 {
        return Err(io::Error::last_os_error()).context("no standard input");
    }
    Ok(())
}
