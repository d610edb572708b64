//! Tables, the same for every format.

mod attribution;
pub(crate) mod boundary;
mod cells;
mod circumstances;
pub(crate) mod comparison;
pub(crate) mod ladder;
mod limits;
mod overview;
mod pages;
mod phases;
mod preparations;
mod routes;
mod verdicts;

pub(crate) use attribution::{attribution, calibrations, functions, survival, taxes};
pub(crate) use cells::{disturbed, footprint, outputs, results};
pub(crate) use circumstances::{budget, environment, guests, versions, workload};
pub(crate) use limits::{limits, limits_in_words};
pub(crate) use overview::overview;
pub(crate) use pages::pages;
pub(crate) use phases::{cold_starts, request_phases, warm_ups};
pub(crate) use preparations::preparations;
pub(crate) use routes::{route_estimates, routes, routes_in_words};
pub(crate) use verdicts::{asked, requirements, verdicts};

use crate::format::NONE;

/// Rows under titled columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Entry>>,
    /// What stands below them, in whatever order they are.
    pub(crate) foot: Vec<Vec<Entry>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) title: String,
    /// Whether its entries are figures, which stand right.
    pub(crate) is_figure: bool,
}

/// What stands in a row under a column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) text: String,
    /// More, where the format has room for it: a full hash.
    pub(crate) full: Option<String>,
    pub(crate) style: Style,
    /// Times native, where its place is to be coloured by that.
    pub(crate) heat: Option<Heat>,
}

/// A colour for times native.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heat {
    /// How much of the colour, in percent: 45 at 32 times native and beyond.
    pub(crate) percent: f64,
    pub(crate) is_faster: bool,
}

impl Heat {
    fn of(times_native: f64) -> Self {
        const MOST: f64 = 45.0;
        let doublings = times_native.log2();
        let percent = (doublings.abs() / 5.0 * MOST).min(MOST);
        Self { percent: (percent * 10.0).round() / 10.0, is_faster: doublings < 0.0 }
    }
}

/// How an entry is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    #[default]
    Plain,
    /// The figure that the row is about.
    Strong,
    /// Context.
    Quiet,
    /// Something is missing or wrong.
    Bad,
}

impl Style {
    /// The name of the style.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Strong => "strong",
            Self::Quiet => "quiet",
            Self::Bad => "bad",
        }
    }
}

impl Table {
    /// Columns of text, then columns of figures.
    fn new(texts: &[&str], figures: &[&str]) -> Self {
        let column = |title: &&str, is_figure| Column { title: (*title).to_owned(), is_figure };
        let texts = texts.iter().map(|title| column(title, false));
        let figures = figures.iter().map(|title| column(title, true));
        Self { columns: texts.chain(figures).collect(), rows: Vec::new(), foot: Vec::new() }
    }

    /// Adds columns of text, then columns of figures, behind the others.
    fn followed_by(mut self, texts: &[&str], figures: &[&str]) -> Self {
        self.columns.extend(Self::new(texts, figures).columns);
        self
    }

    /// The same rows with the columns of these titles alone.
    pub(crate) fn only(&self, titles: &[&str]) -> Self {
        let kept: Vec<_> = (0..self.columns.len())
            .filter(|column| titles.contains(&self.columns[*column].title.as_str()))
            .collect();
        let keep = |rows: &[Vec<Entry>]| {
            let kept = |row: &Vec<Entry>| {
                kept.iter().filter_map(|column| row.get(*column).cloned()).collect()
            };
            rows.iter().map(kept).collect()
        };
        Self {
            columns: kept.iter().map(|column| self.columns[*column].clone()).collect(),
            rows: keep(&self.rows),
            foot: keep(&self.foot),
        }
    }

    /// Rows as columns and columns as rows, the first of which is now `title`;
    /// the last `foot` of them stand below. Every entry but a row's first
    /// stands as a figure.
    fn turned(self, title: &str, foot: usize) -> Self {
        let names: Vec<_> = self.rows.iter().filter_map(|row| row.first()).collect();
        let names: Vec<_> = names.iter().map(|name| name.text.as_str()).collect();
        let mut table = Self::new(&[title], &names);
        for (at, column) in self.columns.iter().enumerate().skip(1) {
            let entries = self.rows.iter().map(|row| row.get(at).cloned().unwrap_or_default());
            let row = [Entry::new(column.title.as_str())].into_iter().chain(entries);
            table.rows.push(row.collect());
        }
        table.foot = table.rows.split_off(table.rows.len().saturating_sub(foot));
        table
    }

    /// Prints what the row above begins with too as context.
    fn with_quiet_repeats(mut self) -> Self {
        let mut above = None;
        for first in self.rows.iter_mut().filter_map(|row| row.first_mut()) {
            if above.as_ref() == Some(&first.text) {
                first.style = Style::Quiet;
            }
            above = Some(first.text.clone());
        }
        self
    }

    /// Drops the columns in which no row has anything.
    fn without_empty_columns(self) -> Self {
        let used: Vec<&str> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(at, _)| self.rows.iter().any(|row| row.get(*at).is_some_and(Entry::is_told)))
            .map(|(_, column)| column.title.as_str())
            .collect();
        self.only(&used)
    }
}

impl Entry {
    /// The classes of its element, where it needs some.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
    pub(crate) const fn class(&self, is_figure: &bool) -> Option<&'static str> {
        match (self.style, *is_figure) {
            (Style::Plain, false) => None,
            (Style::Plain, true) => Some("figure"),
            (style, false) => Some(style.name()),
            (Style::Strong, true) => Some("strong figure"),
            (Style::Quiet, true) => Some("quiet figure"),
            (Style::Bad, true) => Some("bad figure"),
        }
    }

    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A figure that there may not be.
    fn figure(text: Option<String>) -> Self {
        match text {
            Some(text) => Self::new(text),
            None => Self { style: Style::Quiet, ..Self::new(NONE) },
        }
    }

    fn style(self, style: Style) -> Self {
        Self { style, ..self }
    }

    /// A hash: its beginning, all of it where there is room.
    fn hash(hash: &str) -> Self {
        Self { full: Some(hash.to_owned()), ..Self::new(crate::format::abbreviated(hash)) }
    }

    fn is_told(&self) -> bool {
        self.text != NONE && !self.text.is_empty()
    }
}
