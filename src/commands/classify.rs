//! `wasmfit classify`: which rule decides about a function.

use regex::Regex;
use serde::Serialize;

use crate::classes::{Rule, Rules};
use crate::cli::Classify;
use crate::commands::{print, print_json};
use crate::exit::{CommandError, Ending};

/// The rule of one function.
#[derive(Serialize)]
struct Decision<'a> {
    symbol: &'a str,
    object: &'a str,
    /// `unknown` where no rule matches.
    class: &'static str,
    rule: Option<Deciding<'a>>,
}

#[derive(Serialize)]
struct Deciding<'a> {
    file: &'a str,
    /// Its number in the file, from 1.
    number: usize,
    symbol: Option<&'a str>,
    object: Option<&'a str>,
    why: &'a str,
}

/// Tells the rule of each function.
pub(crate) fn run(arguments: &Classify) -> Result<Ending, CommandError> {
    let rules = Rules::read(&arguments.rules)?;
    let decisions = arguments.symbols.iter().map(|symbol| {
        let rule = rules.rule_of(symbol, &arguments.object);
        Decision {
            symbol,
            object: &arguments.object,
            class: rule.map_or("unknown", |rule| rule.verdict.name()),
            rule: rule.map(Deciding::of),
        }
    });
    let decisions: Vec<_> = decisions.collect();
    if arguments.json {
        print_json(&decisions)?;
    } else {
        let texts: Vec<String> = decisions.iter().map(Decision::told).collect();
        print(&texts.join("\n"))?;
    }
    Ok(Ending::Done)
}

impl<'a> Deciding<'a> {
    fn of(rule: &'a Rule) -> Self {
        let (file, number) = &rule.source;
        Self {
            file,
            number: *number,
            symbol: rule.symbol.as_ref().map(Regex::as_str),
            object: rule.object.as_ref().map(Regex::as_str),
            why: &rule.why,
        }
    }
}

impl Decision<'_> {
    fn told(&self) -> String {
        let Self { symbol, object, class, rule } = self;
        let Some(Deciding { file, number, symbol: on_symbol, object: on_object, why }) = rule
        else {
            return format!("{symbol} in {object}: {class}\n  no rule matches\n");
        };
        let patterns = [("symbol", on_symbol), ("object", on_object)].into_iter();
        let patterns = patterns.filter_map(|(name, it)| Some(format!("  {name} {}\n", (*it)?)));
        let patterns: String = patterns.collect();
        format!("{symbol} in {object}: {class}\n  {why}\n  rule {number} of {file}\n{patterns}")
    }
}
