//! What the user sees while a run goes on: bars on a terminal, plain lines
//! elsewhere. Both go to standard error; standard output is for results.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use wasmfit_protocol::Failure;
use wasmfit_record::{Cell, LaunchKind, PlannedLaunch, Run, Side};

/// Shows how a run comes along.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    total: usize,
}

impl Progress {
    /// For `total` launches, of which `done` have been made before.
    pub(crate) fn new(total: usize, done: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total as u64).with_position(done as u64);
            let template = "{bar:30} {pos}/{len} {wide_msg} {elapsed_precise}, {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar, total }
    }

    /// A step before the launches.
    pub(crate) fn step(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None => eprintln!("{text}"),
        }
    }

    /// A launch of `run` begins, the one at `position` of all that are planned.
    pub(crate) fn launch(&self, position: usize, launch: &PlannedLaunch, run: &Run) {
        let cell = &run.cells[launch.cell];
        let kind = match launch.kind {
            LaunchKind::Cold => "cold start",
            LaunchKind::Steady => "steady state",
        };
        let version = match run.session.as_ref().map(|session| session.side) {
            Some(Side::Base) => ", base",
            Some(Side::New) => ", new",
            None => "",
        };
        let text = format!(
            "{} on {}, {kind} ({}), round {}{version}",
            cell.case,
            cell.target,
            launch.start.name(),
            launch.round + 1
        );
        match &self.bar {
            Some(bar) => {
                bar.set_position(position as u64);
                bar.set_message(text);
            }
            None => eprintln!("[{:>3}/{}] {text}", position + 1, self.total),
        }
    }

    /// A cell has failed: one line at once, the rest is in the report.
    pub(crate) fn failed(&self, cell: &Cell, failure: &Failure) {
        self.remark(&format!(
            "failed: {} on {}, {}: {}",
            cell.case, cell.target, failure.during, failure.message
        ));
    }

    /// A line that stays.
    pub(crate) fn remark(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// The launches are over.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
