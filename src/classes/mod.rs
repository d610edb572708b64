//! Which cost class a sampled function belongs to: an ordered list of rules,
//! the user's own before those in `rules.toml`.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use regex::bytes::{RegexSet, RegexSetBuilder};
use serde::Deserialize;
use wasmfit_protocol::{Place, ProfileRow, sha256};
use wasmfit_record::{Class, ProfileRecord, RulesRecord};

use crate::exit::CommandError;

/// The rules that come with wasmfit.
const BUILT_IN: &str = include_str!("rules.toml");
const BUILT_IN_NAME: &str = "built-in rules";

/// Rules, ready to be asked.
#[derive(Debug)]
pub(crate) struct Rules {
    files: Vec<RulesRecord>,
    rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Name of its file, and its number there, from 1.
    pub(crate) source: (String, usize),
    /// What a symbol must match; anything where there is none.
    symbol: Option<RegexSet>,
    /// What an object must match; anything where there is none.
    object: Option<RegexSet>,
    /// What it decides.
    pub(crate) verdict: Verdict,
    /// Why.
    pub(crate) why: String,
}

/// What a rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The function belongs to a class.
    Class(Class),
    /// It belongs to whatever class its caller does; where that is not known,
    /// to this one.
    Caller(Class),
}

impl Rule {
    /// The regular expressions by which it matches a function's symbol and
    /// object; none where it takes any.
    pub(crate) fn matching(&self, symbol: &str, object: &str) -> [Option<&str>; 2] {
        [(&self.symbol, symbol), (&self.object, object)].map(|(patterns, text)| {
            let patterns = patterns.as_ref()?;
            let first = patterns.matches(text.as_bytes()).iter().next()?;
            patterns.patterns().get(first).map(String::as_str)
        })
    }
}

impl Verdict {
    /// The name used in rules.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Class(class) => class.name(),
            Self::Caller(_) => "caller",
        }
    }
}

/// A rule as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    symbol: Option<Patterns>,
    object: Option<Patterns>,
    class: String,
    otherwise: Option<Class>,
    why: String,
}

/// One regular expression or several, any of which may match.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Patterns {
    One(String),
    Any(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    rule: Vec<Written>,
}

impl Rules {
    /// The rules of the user's files, in the order given, then the built-in
    /// ones.
    pub(crate) fn read(own: &[PathBuf]) -> Result<Self, CommandError> {
        let mut all = Self { files: Vec::new(), rules: Vec::new() };
        for path in own {
            let text = fs::read_to_string(path).map_err(|error| {
                CommandError::Usage(format!("rules {}: {error}", path.display()))
            })?;
            all.add(&file_name(path), &text)?;
        }
        all.add(BUILT_IN_NAME, BUILT_IN)?;
        Ok(all)
    }

    fn add(&mut self, name: &str, text: &str) -> Result<(), CommandError> {
        let invalid = |what: String| CommandError::Usage(format!("rules {name}: {what}"));
        let file: WrittenFile = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            invalid(format!("{place}{}", error.message().replace('\n', "; ")))
        })?;
        self.files.push(RulesRecord { name: name.into(), sha256: sha256(text.as_bytes()) });
        for (index, written) in file.rule.into_iter().enumerate() {
            let number = index + 1;
            let rule = written.read(name, number);
            self.rules.push(rule.map_err(|what| invalid(format!("rule {number}: {what}")))?);
        }
        Ok(())
    }

    /// The files, the first to be asked first.
    pub(crate) fn files(&self) -> &[RulesRecord] {
        &self.files
    }

    /// The rule that decides about a function.
    pub(crate) fn rule_of(&self, symbol: &str, object: &str) -> Option<&Rule> {
        let fits = |patterns: &Option<RegexSet>, text: &str| {
            patterns.as_ref().is_none_or(|patterns| patterns.is_match(text.as_bytes()))
        };
        self.rules.iter().find(|rule| fits(&rule.symbol, symbol) && fits(&rule.object, object))
    }

    /// Tells the class of every row of a launch's profile.
    pub(crate) fn classify(&self, launch: u32, profile: &[ProfileRow]) -> Vec<ProfileRecord> {
        let mut verdicts = Verdicts { rules: self, known: HashMap::new() };
        let mut counts = BTreeMap::new();
        for row in profile {
            let Some(place) = row.places.first() else { continue };
            let (class, charged_to) = verdicts.class_of(&row.places);
            let charged_to = charged_to.map(symbol_of).unwrap_or_default();
            let key = (row.request, row.phase, class, symbol_of(place), &*place.object, charged_to);
            *counts.entry(key).or_default() += row.count;
        }
        let record = |((request, phase, class, symbol, object, charged_to), count)| {
            let [symbol, object, charged_to] = [symbol, object, charged_to].map(str::to_owned);
            ProfileRecord { launch, request, phase, class, symbol, object, charged_to, count }
        };
        counts.into_iter().map(record).collect()
    }
}

/// What the rules decide, each function asked about once.
struct Verdicts<'a> {
    rules: &'a Rules,
    known: HashMap<&'a Place, Option<Verdict>>,
}

impl<'a> Verdicts<'a> {
    /// The class of a sample, and the caller that it is charged to where the
    /// function serves its callers.
    fn class_of(&mut self, places: &'a [Place]) -> (Class, Option<&'a Place>) {
        let mut otherwise = Class::Unknown;
        for (depth, place) in places.iter().enumerate() {
            let ask = || {
                let rule = self.rules.rule_of(symbol_of(place), &place.object)?;
                Some(rule.verdict)
            };
            match *self.known.entry(place).or_insert_with(ask) {
                Some(Verdict::Caller(Class::Unknown)) => {}
                Some(Verdict::Caller(class)) => otherwise = class,
                Some(Verdict::Class(class)) => return (class, (depth > 0).then_some(place)),
                None => return (Class::Unknown, (depth > 0).then_some(place)),
            }
        }
        // No caller is known, or none that is not in the service of another.
        (otherwise, None)
    }
}

impl Written {
    fn read(self, file: &str, number: usize) -> Result<Rule, String> {
        if self.symbol.is_none() && self.object.is_none() {
            return Err("it has neither symbol nor object and would match everything".into());
        }
        let patterns = |written: Option<Patterns>, name: &str| {
            let patterns = written.map(|written| {
                let texts = match written {
                    Patterns::One(one) => vec![one],
                    Patterns::Any(several) => several,
                };
                // Letters of C: those of all languages take far longer to
                // prepare.
                RegexSetBuilder::new(texts).unicode(false).build()
            });
            patterns.transpose().map_err(|error| {
                let error = error.to_string();
                format!("{name}: {}", error.lines().last().unwrap_or_default().trim())
            })
        };
        let verdict = match self.class.as_str() {
            "caller" => Verdict::Caller(self.otherwise.unwrap_or(Class::Unknown)),
            _ if self.otherwise.is_some() => {
                return Err("otherwise goes with the class caller alone".into());
            }
            name => Verdict::Class(name.parse().map_err(|error| format!("{error}, and caller"))?),
        };
        Ok(Rule {
            source: (file.to_owned(), number),
            symbol: patterns(self.symbol, "symbol")?,
            object: patterns(self.object, "object")?,
            verdict,
            why: self.why,
        })
    }
}

/// A function's name as the rules see it.
fn symbol_of(place: &Place) -> &str {
    place.symbol.as_deref().unwrap_or_default()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
