//! `wasmfit classify`: which rule decides about a function.

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
    /// The regular expressions that matched.
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
            rule: rule.map(|rule| Deciding::of(rule, symbol, &arguments.object)),
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
    fn of(rule: &'a Rule, symbol: &str, object: &str) -> Self {
        let (file, number) = &rule.source;
        let [symbol, object] = rule.matching(symbol, object);
        Self { file, number: *number, symbol, object, why: &rule.why }
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
        // A pattern that is written over several lines is shown on one.
        let patterns = patterns.filter_map(|(name, it)| {
            let words: Vec<&str> = (*it)?.split_whitespace().collect();
            Some(format!("  {name} {}\n", words.concat()))
        });
        let patterns: String = patterns.collect();
        format!("{symbol} in {object}: {class}\n  {why}\n  rule {number} of {file}\n{patterns}")
    }
}
