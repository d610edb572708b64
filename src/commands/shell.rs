//! `wasmfit completions` and `wasmfit man`.

use clap::CommandFactory;

use crate::cli::{Cli, Completions};
use crate::commands::print;
use crate::exit::{CommandError, Ending};

/// Prints a completion script.
pub(crate) fn completions(arguments: &Completions) -> Result<Ending, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "wasmfit", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Ending::Done)
}

/// Prints the manual page, with a section per command.
pub(crate) fn man() -> Result<Ending, CommandError> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    let pages = std::iter::once(&command).chain(command.get_subcommands());
    for command in pages.filter(|command| command.get_name() != "help") {
        clap_mangen::Man::new(command.clone())
            .render(&mut page)
            .map_err(|error| CommandError::Storage(format!("manual page: {error}")))?;
    }
    print(&String::from_utf8_lossy(&page))?;
    Ok(Ending::Done)
}
