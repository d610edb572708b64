//! The report as Markdown: the same figures for a pull request or a log.

use askama::Template;

use crate::ReportError;
use crate::analysis::Analysis;
use crate::banners::{self, Banner};
use crate::boundary::Lab;
use crate::headline::{self, Headline};
use crate::html::{FailedCell, Refusal, command, failed, refusals, subject, survivors};
use crate::tables::{self, Table};
use crate::warnings::{WarningGroup, grouped};

/// What the template is filled with.
#[derive(Template)]
#[template(path = "report.md", escape = "none")]
struct Page<'a> {
    analysis: &'a Analysis,
    subject: String,
    /// Over all cases, where those are many.
    overall: Vec<String>,
    answers: Vec<(String, Vec<String>)>,
    parity: Vec<Banner>,
    banners: Vec<Banner>,
    verdicts: Table,
    overview: Table,
    refusals: Vec<Refusal>,
    boundary: Option<BoundarySection>,
    results: Table,
    disturbed: Option<String>,
    routes: Table,
    route_estimates: Table,
    routes_in_words: Vec<String>,
    limits: Table,
    limits_in_words: String,
    taxes: Table,
    survival: Table,
    survivors: String,
    calibrations: Table,
    cases: Vec<CaseSection>,
    ladders: Vec<tables::ladder::Section>,
    failed: Vec<FailedCell>,
    warnings: Vec<WarningGroup>,
    outputs: Table,
    preparations: Table,
    footprint: Table,
    versions: Table,
    guests: Table,
    environment: Table,
    budget: Option<String>,
    command: String,
}

struct CaseSection {
    name: String,
    attribution: Table,
    request_phases: Table,
    cold_starts: Table,
    pages: Table,
    warm_ups: Table,
}

/// What crossing the boundary costs.
struct BoundarySection {
    rules: Vec<String>,
    copies: Table,
    batching: Table,
    fits: Table,
    missing: Vec<String>,
}

fn boundary_section(lab: &Lab) -> BoundarySection {
    BoundarySection {
        rules: tables::boundary::rules(lab),
        copies: tables::boundary::copies(lab),
        batching: tables::boundary::batching(lab),
        fits: tables::boundary::fits(lab),
        missing: tables::boundary::missing(lab),
    }
}

pub(crate) fn render(analysis: &Analysis) -> Result<String, ReportError> {
    let line = |it: &Headline| {
        format!("{} **{}**{}", escape(&it.before), escape(&it.figure), escape(&it.after))
    };
    let answers = headline::of(analysis)
        .into_iter()
        .map(|(case, headlines)| (case.case.to_string(), headlines.iter().map(line).collect()));
    let cases = analysis.cases().map(|case| CaseSection {
        name: case.case.to_string(),
        attribution: tables::attribution(case),
        request_phases: tables::request_phases(case),
        cold_starts: tables::cold_starts(case),
        pages: tables::pages(case),
        warm_ups: tables::warm_ups(case),
    });
    let ladders = analysis.ladders.iter().map(|it| tables::ladder::Section::of(it, analysis));
    let page = Page {
        analysis,
        subject: subject(analysis),
        overall: headline::overall(analysis).iter().map(line).collect(),
        answers: answers.collect(),
        parity: banners::parity(analysis),
        banners: banners::of(analysis),
        verdicts: tables::verdicts(analysis),
        overview: tables::overview(analysis),
        refusals: refusals(analysis),
        boundary: analysis.boundary.as_ref().map(boundary_section),
        results: tables::results(analysis),
        disturbed: tables::disturbed(analysis),
        routes: tables::routes(analysis),
        route_estimates: tables::route_estimates(analysis),
        routes_in_words: tables::routes_in_words(analysis),
        limits: tables::limits(analysis),
        limits_in_words: tables::limits_in_words(analysis),
        taxes: tables::taxes(analysis),
        survival: tables::survival(analysis),
        survivors: survivors(analysis),
        calibrations: tables::calibrations(analysis),
        cases: cases.collect(),
        ladders: ladders.collect(),
        failed: failed(analysis),
        warnings: grouped(&analysis.warnings),
        outputs: tables::outputs(analysis),
        preparations: tables::preparations(analysis),
        footprint: tables::footprint(analysis),
        versions: tables::versions(analysis),
        guests: tables::guests(analysis),
        environment: tables::environment(analysis),
        budget: analysis.budget.map(tables::budget),
        command: command(analysis),
    };
    let mut text = page.render()?;
    text.truncate(text.trim_end().len());
    text.push('\n');
    Ok(text)
}

/// A table in GitHub's notation.
pub(crate) fn table(of: &Table) -> String {
    let row = |texts: Vec<String>| format!("| {} |", texts.join(" | "));
    let titles = of.columns.iter().map(|column| escape(&column.title)).collect();
    let marks = of.columns.iter().map(|it| if it.is_figure { "---:" } else { "---" }.to_owned());
    let rows = of
        .rows
        .iter()
        .chain(&of.foot)
        .map(|entries| row(entries.iter().map(|entry| escape(&entry.text)).collect()));
    [row(titles), row(marks.collect())].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// Text that Markdown must not read as its own, on one line.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            _ if letter.is_control() => escaped.push(' '),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// A block that `text` cannot end: its fence is longer than any within.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markdown() {
        assert_eq!(escape("<script>|`*_[x](y)\n#"), "&lt;script&gt;\\|\\`\\*\\_\\[x\\](y) \\#");
    }

    #[test]
    fn a_fence_outlasts_its_text() {
        assert_eq!(fenced("a\n````\nb\n"), "`````text\na\n````\nb\n`````");
        assert_eq!(fenced(""), "```text\n\n```");
    }
}
