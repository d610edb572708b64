//! Samples: the rows of a runner's `samples.csv`.

use crate::{ColdPhase, Pass, RequestPhase};

/// One timed stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Which pass it was taken in.
    pub pass: Pass,
    /// Which stretch it is.
    pub stretch: Stretch,
    /// Position within the pass, from 0. The phases of one request share it.
    pub index: u32,
    /// Which request was served; 0 for cold-start phases.
    pub request: u32,
    /// Wall time, `CLOCK_MONOTONIC`.
    pub wall_ns: u64,
    /// Time on a processor: of the measuring thread,
    /// `CLOCK_THREAD_CPUTIME_ID`, or, where guest and host are two threads,
    /// of the process, `CLOCK_PROCESS_CPUTIME_ID`. Read just outside the wall
    /// readings, so it may exceed a very short wall time by what reading this
    /// clock costs. `None` for a stretch that the guest timed.
    pub cpu_ns: Option<u64>,
}

/// Which stretch of a job's life a sample timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stretch {
    /// A cold-start phase.
    Cold(ColdPhase),
    /// A whole request.
    Request,
    /// One phase of a request.
    Part(RequestPhase),
}

impl Stretch {
    /// The name used in `samples.csv`, column `phase`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cold(phase) => phase.name(),
            Self::Request => "request",
            Self::Part(phase) => phase.name(),
        }
    }

    fn parse(name: &[u8]) -> Option<Self> {
        if name == b"request" {
            return Some(Self::Request);
        }
        let part = RequestPhase::ALL.into_iter().find(|phase| phase.name().as_bytes() == name);
        let cold = || ColdPhase::ALL.into_iter().find(|phase| phase.name().as_bytes() == name);
        part.map(Self::Part).or_else(|| cold().map(Self::Cold))
    }
}

/// The columns of `samples.csv`.
pub const SAMPLE_COLUMNS: [&str; 6] = ["pass", "phase", "index", "request", "wall_ns", "cpu_ns"];

impl Sample {
    /// The fields of its row, in the order of [`SAMPLE_COLUMNS`].
    #[must_use]
    pub fn to_row(self) -> [String; 6] {
        [
            self.pass.name().to_owned(),
            self.stretch.name().to_owned(),
            self.index.to_string(),
            self.request.to_string(),
            self.wall_ns.to_string(),
            self.cpu_ns.map(|ns| ns.to_string()).unwrap_or_default(),
        ]
    }

    /// Reads a row's fields; `None` when they are not a sample.
    pub fn from_row<'a>(mut fields: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let pass = fields.next()?;
        let pass = Pass::ALL.into_iter().find(|known| known.name().as_bytes() == pass)?;
        let sample = Self {
            pass,
            stretch: Stretch::parse(fields.next()?)?,
            index: u32::try_from(number(fields.next()?)?).ok()?,
            request: u32::try_from(number(fields.next()?)?).ok()?,
            wall_ns: number(fields.next()?)?,
            cpu_ns: match fields.next()? {
                b"" => None,
                digits => Some(number(digits)?),
            },
        };
        fields.next().is_none().then_some(sample)
    }
}

/// A decimal number without sign. A million rows make `str::parse` behind a
/// UTF-8 check worth avoiding.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(row: &[&str]) -> Option<Sample> {
        Sample::from_row(row.iter().map(|field| field.as_bytes()))
    }

    #[test]
    fn every_stretch_survives_its_row() {
        let cold = ColdPhase::ALL.map(|phase| (Pass::Cold, Stretch::Cold(phase)));
        let parts = RequestPhase::ALL.map(|phase| (Pass::Phase, Stretch::Part(phase)));
        let whole = [(Pass::Plain, Stretch::Request), (Pass::Warmup, Stretch::Request)];
        for (pass, stretch) in cold.into_iter().chain(parts).chain(whole) {
            for cpu_ns in [Some(0), None] {
                let sample =
                    Sample { pass, stretch, index: 7, request: 3, wall_ns: u64::MAX, cpu_ns };
                let row = sample.to_row();
                assert_eq!(read(&row.each_ref().map(String::as_str)), Some(sample));
            }
        }
    }

    #[test]
    fn rows_that_are_no_samples_are_refused() {
        for row in [
            &["plain", "request", "0", "0", "1"][..],
            &["plain", "request", "0", "0", "1", "1", "1"],
            &["plain", "nap", "0", "0", "1", "1"],
            &["later", "request", "0", "0", "1", "1"],
            &["plain", "request", "-1", "0", "1", "1"],
            &["plain", "request", "0", "0", "", "1"],
            &["plain", "request", "0", "0", "1", "x"],
            &["plain", "request", "0", "0", "18446744073709551616", "1"],
            &["plain", "request", "4294967296", "0", "1", "1"],
        ] {
            assert_eq!(read(row), None, "{row:?}");
        }
    }
}
