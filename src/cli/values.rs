//! How values are written on the command line.

use std::time::Duration;

use wasmfit_record::Shard;

use super::TimeBudget;

pub(super) fn shard(text: &str) -> Result<Shard, String> {
    let shard = text.split_once('/').and_then(|(index, of)| {
        let (index, of) = (index.parse().ok()?, of.parse().ok()?);
        (1..=of).contains(&index).then_some(Shard { index, of })
    });
    shard.ok_or("write I/N, I from 1 to N".into())
}

pub(super) fn time_budget(text: &str) -> Result<TimeBudget, String> {
    if text == "auto" { Ok(TimeBudget::Auto) } else { duration(text).map(TimeBudget::Given) }
}

/// A share, written as a percentage with or without its sign.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    let share = number.parse::<f64>().ok().map(|it| it / 100.0);
    share.filter(|it| (0.001..=10.0).contains(it)).ok_or("give 0.1% to 1000%".into())
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    // The limit is kept by poll(2), whose milliseconds are 32 bits.
    let range = Duration::from_secs(1)..=Duration::from_hours(24);
    range.contains(&duration).then_some(duration).ok_or("give 1s to 24h".into())
}
