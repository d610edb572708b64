//! Scenarios: those that come along, those of the user's own, and budgets
//! changed on the command line.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer};
use wasmfit_record::{Budgets, Need, Price, Scenario};

use crate::exit::CommandError;
use crate::workloads::line_of;

/// File name without extension, and text.
macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../scenarios/", $name, ".toml")))),*]
    };
}

/// In the order in which reports show them.
const BUILT_IN: [(&str, &str); 10] = built_in![
    "browser-private",
    "notebook",
    "edge-worker",
    "serverless",
    "plugin",
    "formula",
    "agent-code",
    "long-lived",
    "compute-serving",
    "real-time",
];

/// A scenario's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    stands_for: String,
    #[serde(default)]
    needs: Vec<Need>,
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    budgets: FileBudgets,
    price: Option<FilePrice>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileBudgets {
    p50: Option<Time>,
    p99: Option<Time>,
    cold_start: Option<Time>,
    size: Option<Size>,
    compressed_size: Option<Size>,
    memory: Option<Size>,
    slowdown: Option<Factor>,
    cost_per_million: Option<Factor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePrice {
    gigabyte_second: Factor,
    million_requests: Factor,
    least_memory: Size,
}

/// `20 ms`.
#[derive(Clone, Copy)]
struct Time(u64);

/// `64 MiB`.
#[derive(Clone, Copy)]
struct Size(u64);

/// A number above or at zero.
#[derive(Clone, Copy)]
struct Factor(f64);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
        u64::try_from(duration.as_nanos()).map(Self).map_err(|_| "too long".into())
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(|ByteSize(bytes)| Self(bytes))
    }
}

impl FromStr for Factor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
        (number.is_finite() && number >= 0.0).then_some(Self(number)).ok_or("not a budget".into())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Factor {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        f64::deserialize(from)?.to_string().parse().map_err(serde::de::Error::custom)
    }
}

/// The scenarios named, or all that come along; each with `changes` made.
pub(crate) fn find(named: &[String], changes: &[Change]) -> Result<Vec<Scenario>, CommandError> {
    let mut scenarios = if named.is_empty() {
        built_in()?
    } else {
        named.iter().map(|name| one(name)).collect::<Result<_, _>>()?
    };
    for scenario in &mut scenarios {
        for change in changes {
            change.make(&mut scenario.budgets);
        }
        if scenario.budgets.cost_per_million.is_some() && scenario.price.is_none() {
            return Err(CommandError::Usage(format!(
                "scenario {} has a budget for cost and no [price] to compute it by: add one to its file",
                scenario.name
            )));
        }
    }
    Ok(scenarios)
}

/// All that come along.
pub(crate) fn built_in() -> Result<Vec<Scenario>, CommandError> {
    BUILT_IN.iter().map(|(name, text)| read(name, text, name)).collect()
}

/// One by name, or from a file.
fn one(name: &str) -> Result<Scenario, CommandError> {
    if let Some((name, text)) = BUILT_IN.iter().find(|(it, _)| *it == name) {
        return read(name, text, name);
    }
    let path = Path::new(name);
    let text = fs::read_to_string(path).map_err(|error| {
        let names: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        CommandError::Usage(format!(
            "scenario {name}: {error}: give a file, or one of {}",
            names.join(", ")
        ))
    })?;
    let stem = path.file_stem().map_or_else(|| name.into(), |it| it.to_string_lossy());
    read(&stem, &text, name)
}

fn read(name: &str, text: &str, place: &str) -> Result<Scenario, CommandError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let line = line_of(&error, text);
        let message = error.message().replace('\n', "; ");
        CommandError::Usage(format!("scenario {place}: line {line}: {message}"))
    })?;
    let FileBudgets {
        p50,
        p99,
        cold_start,
        size,
        compressed_size,
        memory,
        slowdown,
        cost_per_million,
    } = file.budgets;
    let ns = |it: Option<Time>| it.map(|Time(ns)| ns);
    let bytes = |it: Option<Size>| it.map(|Size(bytes)| bytes);
    Ok(Scenario {
        name: name.into(),
        title: file.title,
        stands_for: file.stands_for,
        needs: file.needs,
        packages: file.packages,
        budgets: Budgets {
            p50_ns: ns(p50),
            p99_ns: ns(p99),
            cold_start_ns: ns(cold_start),
            size_bytes: bytes(size),
            compressed_bytes: bytes(compressed_size),
            memory_bytes: bytes(memory),
            slowdown: slowdown.map(|it| it.0),
            cost_per_million: cost_per_million.map(|it| it.0),
        },
        price: file.price.map(|it| Price {
            gigabyte_second: it.gigabyte_second.0,
            million_requests: it.million_requests.0,
            least_memory_bytes: it.least_memory.0,
        }),
    })
}

/// A budget changed on the command line: `p99=20ms`, `memory=256MiB`,
/// `slowdown=2`; `cold-start=none` lifts it.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    P50(Option<u64>),
    P99(Option<u64>),
    ColdStart(Option<u64>),
    Size(Option<u64>),
    CompressedSize(Option<u64>),
    Memory(Option<u64>),
    Slowdown(Option<f64>),
    Cost(Option<f64>),
}

impl FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("write it as p99=20ms")?;
        let said = |error: String| format!("{key}: {error}");
        let none = value == "none";
        let time = || value.parse().map(|Time(ns)| ns).map_err(said);
        let size = || value.parse().map(|Size(bytes)| bytes).map_err(said);
        let factor = || value.parse().map(|Factor(factor)| factor).map_err(said);
        let time = || if none { Ok(None) } else { time().map(Some) };
        let size = || if none { Ok(None) } else { size().map(Some) };
        let factor = || if none { Ok(None) } else { factor().map(Some) };
        Ok(match key {
            "p50" => Self::P50(time()?),
            "p99" => Self::P99(time()?),
            "cold-start" => Self::ColdStart(time()?),
            "size" => Self::Size(size()?),
            "compressed-size" => Self::CompressedSize(size()?),
            "memory" => Self::Memory(size()?),
            "slowdown" => Self::Slowdown(factor()?),
            "cost" => Self::Cost(factor()?),
            _ => {
                return Err(format!(
                    "no budget {key}: there are p50, p99, cold-start, size, compressed-size, memory, slowdown and cost"
                ));
            }
        })
    }
}

impl Change {
    fn make(&self, budgets: &mut Budgets) {
        match *self {
            Self::P50(limit) => budgets.p50_ns = limit,
            Self::P99(limit) => budgets.p99_ns = limit,
            Self::ColdStart(limit) => budgets.cold_start_ns = limit,
            Self::Size(limit) => budgets.size_bytes = limit,
            Self::CompressedSize(limit) => budgets.compressed_bytes = limit,
            Self::Memory(limit) => budgets.memory_bytes = limit,
            Self::Slowdown(limit) => budgets.slowdown = limit,
            Self::Cost(limit) => budgets.cost_per_million = limit,
        }
    }
}

/// What a scenario asks for, in a line.
pub(crate) struct Told<'a>(pub(crate) &'a Scenario);

impl fmt::Display for Told<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario { needs, packages, budgets, .. } = self.0;
        let time = |name, limit: Option<u64>| {
            let told = |ns| humantime::format_duration(std::time::Duration::from_nanos(ns));
            limit.map(|ns| format!("{name} {}", told(ns)))
        };
        let size = |name, limit: Option<u64>| {
            limit.map(|it| format!("{name} {}", ByteSize(it).display().si()))
        };
        let parts = needs.iter().map(|it| it.name().to_owned());
        let parts = parts.chain(packages.iter().cloned()).chain(
            [
                time("p50", budgets.p50_ns),
                time("p99", budgets.p99_ns),
                time("cold start", budgets.cold_start_ns),
                size("size", budgets.size_bytes),
                size("compressed", budgets.compressed_bytes),
                size("memory", budgets.memory_bytes),
                budgets.slowdown.map(|it| format!("slowdown {it}")),
                budgets.cost_per_million.map(|it| format!("${it} a million")),
            ]
            .into_iter()
            .flatten(),
        );
        formatter.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_come_along_read() {
        let scenarios = built_in().expect("all read");
        assert_eq!(scenarios.len(), 10);
        let edge = scenarios.iter().find(|it| it.name == "edge-worker").expect("an edge");
        assert_eq!(edge.budgets.size_bytes, Some(64 << 20));
        assert_eq!(edge.budgets.memory_bytes, Some(128_000_000));
        assert_eq!(edge.budgets.p50_ns, Some(10_000_000));
        assert_eq!(edge.needs, [Need::Isolation]);
    }

    #[test]
    fn a_budget_of_the_command_line_wins_and_none_lifts_it() {
        let change = |text: &str| text.parse::<Change>().expect("a budget");
        let changes = [change("p50=3ms"), change("memory=none"), change("slowdown=1.5")];
        let found = find(&["edge-worker".into()], &changes).expect("found");
        let budgets = found[0].budgets;
        assert_eq!(budgets.p50_ns, Some(3_000_000));
        assert_eq!(budgets.memory_bytes, None);
        assert_eq!(budgets.slowdown, Some(1.5));
        assert_eq!(budgets.cold_start_ns, Some(1_000_000_000));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let said = |text: &str| text.parse::<Change>().expect_err("an error");
        assert!(said("p99").contains("p99=20ms"));
        assert!(said("p98=1ms").starts_with("no budget p98: there are p50"));
        assert!(said("slowdown=-1").contains("slowdown"));
        assert!(said("memory=much").starts_with("memory: "));
        let read = |text| read("mine", text, "mine.toml").expect_err("an error").to_string();
        let text = "title = 'x'\nstands_for = 'y'\nneeds = ['wings']\n";
        assert!(read(text).starts_with("scenario mine.toml: line 3: unknown variant `wings`"));
        let text = "title = 'x'\nstands_for = 'y'\n[budgets]\np97 = '1 s'\n";
        assert!(read(text).starts_with("scenario mine.toml: line 4: unknown field `p97`"));
        let missing = find(&["no-such".into()], &[]).expect_err("an error").to_string();
        assert!(missing.contains("one of browser-private"), "{missing}");
        let priceless = find(&["plugin".into()], &["cost=1".parse().expect("a budget")]);
        assert!(priceless.expect_err("an error").to_string().contains("no [price]"));
    }
}
