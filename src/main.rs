//! wasmfit: should this Python inference path be ported to WebAssembly?
//!
//! This crate is the command: it plans a run, drives runner processes, keeps
//! the run directory and has the report written. What runners are told and
//! tell is `wasmfit-protocol`; what a run directory holds is
//! `wasmfit-record`; what the figures mean is `wasmfit-reports`.

mod cached;
mod calibrations;
mod check;
mod classes;
mod cli;
mod commands;
mod compiler;
mod components;
mod conformance;
mod container;
mod crossings;
mod draft;
mod drive;
mod exit;
mod guests;
mod inventory;
mod live;
mod machine;
mod making;
mod matrix;
mod measure;
mod memory_copy;
mod outputs;
mod places;
mod plan;
mod prepare;
mod progress;
mod quiet;
mod rewrites;
mod runners;
mod scenarios;
mod script;
mod session;
mod setting;
mod targets;
mod versions;
mod workloads;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match &cli.command {
        Command::Assess(arguments) => commands::assess::run(arguments),
        Command::Bench(arguments) => commands::bench::run(arguments),
        Command::Deploy(arguments) => commands::deploy::run(arguments),
        Command::Trim(arguments) => commands::trim::run(arguments),
        Command::Sandbox(arguments) => commands::sandbox::run(arguments),
        Command::Routes(arguments) => commands::routes::run(arguments),
        Command::Boundary(arguments) => commands::boundary::run(arguments),
        Command::Publish(arguments) => commands::publish::run(arguments),
        Command::Report(arguments) => commands::report::run(arguments),
        Command::Plan(arguments) => commands::plan::run(arguments),
        Command::Merge(arguments) => commands::merge::run(arguments),
        Command::Compare(arguments) => commands::compare::run(arguments),
        Command::Calibrate(arguments) => commands::calibrate::run(arguments),
        Command::Classify(arguments) => commands::classify::run(arguments),
        Command::New(arguments) => commands::new::run(arguments),
        Command::Check(arguments) => commands::check::run(arguments),
        Command::RunnerCheck(arguments) => commands::runner_check::run(arguments),
        Command::List(arguments) => commands::list::run(arguments),
        Command::Doctor(arguments) => commands::doctor::run(arguments),
        Command::Completions(arguments) => commands::shell::completions(arguments),
        Command::Man => commands::shell::man(),
    };
    match ended {
        Ok(ending) => ending.into(),
        Err(error) => {
            eprintln!("wasmfit: {error}");
            error.code()
        }
    }
}
