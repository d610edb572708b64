//! Reports of runs that were made up.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod boundary;
mod comparison;
mod fixture;
mod ladder;
mod limits;
mod live;
mod routes;
mod verdict;

use std::fs;
use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fixture::{Behaviour, Fixture, HOSTILE, native, versions, wasmtime};
use proptest::prelude::*;
use wasmfit_protocol::Profiled;
use wasmfit_record::{
    Budget, Case, CellOutcome, Class, Deviation, Launch, LaunchOutcome, PlannedLaunch, RecordError,
    Status,
};
use wasmfit_reports::analysis::{
    Analysis, Attributed, Attribution, CaseAnalysis, CellState, Comparison, CostClass, Execution,
    LaunchCounts, Measured, NotAssessable,
};
use wasmfit_reports::warnings::Warning;
use wasmfit_reports::{analyze, publish, render, summary, write};

const BEHAVIOUR: Behaviour =
    Behaviour { latency_ns: 50_000, infer_percent: 90, cold_ns: 100_000_000 };

fn case() -> Case {
    Case { workload: "w".into(), batch: None }
}

/// One workload, natively and in Wasmtime.
fn pair(rounds: u32, requests: u32) -> Fixture {
    let mut fixture = Fixture::new(rounds);
    fixture.workload("w");
    fixture.measure(&case(), &native(), requests, BEHAVIOUR);
    let slower = Behaviour { latency_ns: 150_000, ..BEHAVIOUR };
    fixture.measure(&case(), &wasmtime(), requests, slower);
    fixture
}

fn analysis_of(fixture: &Fixture) -> Analysis {
    let folder = tempfile::tempdir().unwrap();
    fixture.save(folder.path());
    let analysis = analyze(folder.path()).unwrap();
    // Whatever can be analyzed can be shown.
    render(folder.path(), &analysis).unwrap();
    let json = serde_json::to_string(&analysis).unwrap();
    for text in [summary(&analysis), read(folder.path(), "report.md"), json.clone()] {
        assert!(!text.contains("NaN") && !text.contains("inf "), "{text}");
    }
    analysis
}

/// The report as HTML and as Markdown.
fn files_of(fixture: &Fixture) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    fixture.save(folder.path());
    let html = fs::read_to_string(write(folder.path()).unwrap().html).unwrap();
    (html, read(folder.path(), "report.md"))
}

fn html_of(fixture: &Fixture) -> String {
    files_of(fixture).0
}

fn read(folder: &std::path::Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

/// The cell at `position` of the first case.
fn measured(analysis: &Analysis, position: usize) -> &Measured {
    analysis.workloads[0].cases[0].cells[position].measured().unwrap()
}

fn warnings(analysis: &Analysis) -> Vec<&'static str> {
    analysis.warnings.iter().map(Warning::title).collect()
}

#[test]
fn markdown_and_summary_look_as_agreed() {
    let folder = tempfile::tempdir().unwrap();
    Fixture::full().save(folder.path());
    write(folder.path()).unwrap();
    insta::assert_snapshot!("markdown", read(folder.path(), "report.md"));
    insta::assert_snapshot!("summary", summary(&analyze(folder.path()).unwrap()));
}

#[test]
fn a_report_is_the_same_bytes_again_wherever_it_lies() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    Fixture::full().save(here.path());
    Fixture::full().save(there.path());
    write(here.path()).unwrap();
    write(there.path()).unwrap();
    write(there.path()).unwrap();
    for name in ["report.html", "report.md"] {
        assert_eq!(read(here.path(), name), read(there.path(), name));
        assert!(!read(here.path(), name).contains(here.path().to_str().unwrap()));
    }
    let mut names: Vec<_> =
        fs::read_dir(here.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "profile.csv",
            "report.html",
            "report.md",
            "requests",
            "responses",
            "run.json",
            "samples.csv"
        ]
    );
}

/// The page, of which the one script is taken out that its policy allows.
fn without_own_script(html: &str) -> String {
    let own = concat!("<script>", include_str!("../../templates/report.js"), "</script>");
    assert_eq!(html.matches(own).count(), 1);
    html.replace(own, "")
}

#[test]
fn html_needs_nothing_but_itself() {
    let html = without_own_script(&html_of(&Fixture::full()));
    for outside in ["http://", "https://", "<script", "<link", "@import", "src=", "url(", "<img"] {
        assert!(!html.contains(outside), "{outside}");
    }
    let targets = html.match_indices("href=\"").map(|(at, _)| &html[at + 6..=at + 6]);
    // Places of the page, and the figures as data.
    assert!(targets.into_iter().all(|first| first == "#" || first == "d"));
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn html_names_every_cell_and_section() {
    let html = html_of(&Fixture::full());
    for named in [
        "digits-mlp-python",
        "digits-mlp-numpy/batch-1",
        "digits-mlp-numpy/batch-64",
        "wordpiece",
        "tensor-stream",
        "native@cpython-3.15",
        "wasmtime/cranelift@cpython-3.15",
        "wasmer/singlepass@cpython-3.15",
        "Outputs against native",
        "Footprint",
        "Warnings",
        "How to reproduce",
        "Versions and environment",
        "singlepass lacks the exception handling",
        "wasmfit bench --profile default --out one",
        "✓\u{a0}identical",
        "✓\u{a0}within tolerance",
        "aria-label=\"Request phases of digits-mlp-python.",
        "role=\"img\"",
    ] {
        assert!(html.contains(named), "{named}");
    }
}

#[test]
fn hostile_names_and_tracebacks_stay_text() {
    let mut fixture = Fixture::full();
    let evil = Case { workload: format!("\"><img src=x>{HOSTILE}|`"), batch: None };
    fixture.measure(&evil, &native(), 30, BEHAVIOUR);
    fixture.measure(&evil, &wasmtime(), 30, BEHAVIOUR);
    fixture.run.environment.cpu = HOSTILE.into();
    fixture.run.command.push(HOSTILE.into());
    let html = without_own_script(&html_of(&fixture));
    assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("\"><img"));
    assert_eq!(html.matches("</pre>").count(), html.matches("<pre").count());
    assert!(html.contains("ValueError"));
    assert!(!html.contains("/srv/"), "paths of the machine are cut");

    let folder = tempfile::tempdir().unwrap();
    fixture.save(folder.path());
    write(folder.path()).unwrap();
    let markdown = read(folder.path(), "report.md");
    // Left as they are in fenced blocks alone.
    let mut fence: Option<&str> = None;
    for line in markdown.lines() {
        match fence {
            Some(closing) if line == closing => fence = None,
            Some(_) => {}
            None if line.starts_with("```") => fence = Some(line.trim_end_matches("text")),
            None => assert!(!line.contains("<script") && !line.contains("<img"), "{line}"),
        }
    }
    assert_eq!(fence, None);
}

#[test]
fn a_ratio_pairs_rounds_and_its_interval_decides() {
    let analysis = analysis_of(&pair(6, 200));
    let ratio = measured(&analysis, 1).ratio.unwrap();
    assert!((2.8..3.2).contains(&ratio.times_native.value), "{ratio:?}");
    assert_eq!((ratio.rounds, ratio.comparison), (6, Comparison::Slower));
    assert_eq!(measured(&analysis, 0).ratio, None);
    assert!(!warnings(&analysis).contains(&"Few launches: intervals hold less than 95%"));
}

#[test]
fn equal_targets_are_not_ranked() {
    let mut fixture = Fixture::new(6);
    fixture.workload("w");
    fixture.measure(&case(), &native(), 200, BEHAVIOUR);
    fixture.measure(&case(), &wasmtime(), 200, BEHAVIOUR);
    let analysis = analysis_of(&fixture);
    let ratio = measured(&analysis, 1).ratio.unwrap();
    assert_eq!(ratio.comparison, Comparison::NoDifferenceShown, "{ratio:?}");
    assert!(warnings(&analysis).contains(&"No difference shown"));
    assert!(html_of(&fixture).contains("no difference from native shown"));
}

#[test]
fn one_launch_has_a_figure_and_no_interval() {
    let analysis = analysis_of(&pair(1, 200));
    let found = measured(&analysis, 1);
    assert_eq!(found.latency.as_ref().unwrap().median_ns.interval, None);
    assert_eq!(found.ratio.unwrap().comparison, Comparison::SingleRound);
    assert!(warnings(&analysis).contains(&"Few launches: intervals hold less than 95%"));
}

#[test]
fn percentiles_wait_for_enough_samples() {
    for (requests, p90, p99) in
        [(3, false, false), (10, true, false), (40, true, false), (100, true, true)]
    {
        let analysis = analysis_of(&pair(1, requests));
        let latency = measured(&analysis, 0).latency.as_ref().unwrap();
        assert_eq!((latency.p90_ns.is_some(), latency.p99_ns.is_some()), (p90, p99), "{requests}");
        assert!(latency.quantiles_ns.len() <= 200);
    }
}

#[test]
fn a_cell_without_samples_has_no_latency() {
    let mut fixture = pair(2, 0);
    let analysis = analysis_of(&fixture);
    let found = measured(&analysis, 1);
    assert!(found.latency.is_none() && found.ratio.is_none() && found.phases.is_none());
    assert_eq!(found.cold_starts.len(), 2);
    for (_, samples) in &mut fixture.samples {
        samples.clear();
    }
    let analysis = analysis_of(&fixture);
    assert!(measured(&analysis, 1).cold_starts.is_empty());
}

#[test]
fn samples_of_no_time_at_all_do_no_harm() {
    let mut fixture = pair(3, 40);
    for sample in fixture.samples.iter_mut().flat_map(|(_, samples)| samples) {
        (sample.wall_ns, sample.cpu_ns) = (0, Some(0));
    }
    for launch in &mut fixture.run.launches {
        if let LaunchOutcome::Served(served) = &mut launch.outcome {
            served.cold_start_ns = 0;
        }
    }
    let analysis = analysis_of(&fixture);
    assert_eq!(measured(&analysis, 1).ratio, None);
    for sample in fixture.samples.iter_mut().flat_map(|(_, samples)| samples) {
        (sample.wall_ns, sample.cpu_ns) = (u64::MAX, Some(u64::MAX));
    }
    analysis_of(&fixture);
}

#[test]
fn a_target_without_native_is_told_so() {
    let mut fixture = Fixture::new(5);
    fixture.workload("w");
    fixture.measure(&case(), &wasmtime(), 200, BEHAVIOUR);
    if let CellOutcome::Measured { deviation, .. } = &mut fixture.run.cells[0].outcome {
        *deviation = None;
    }
    let analysis = analysis_of(&fixture);
    assert_eq!(analysis.parity, []);
    assert!(warnings(&analysis).contains(&"No native baseline"));
    assert!(html_of(&fixture).contains("not verified"));
}

#[test]
fn an_unfinished_run_is_reported_as_far_as_it_came() {
    let mut fixture = pair(3, 100);
    fixture.run.status = Status::Unfinished;
    fixture.run.cells.push(wasmfit_record::Cell {
        case: case(),
        target: "wasmer/cranelift@cpython-3.15".parse().unwrap(),
        execution: None,
        limit: None,
        rewrite: None,
        shard: None,
        outcome: CellOutcome::Pending,
    });
    let analysis = analysis_of(&fixture);
    assert_eq!(warnings(&analysis)[0], "The run is unfinished");
    assert!(html_of(&fixture).contains("not measured yet"));

    let fresh = analysis_of(&Fixture::new(3));
    assert_eq!(fresh.samples, 0);
}

#[test]
fn circumstances_that_mislead_are_warned_of_with_a_remedy() {
    let mut fixture = pair(3, 100);
    fixture.run.environment.governor = Some("powersave".into());
    fixture.run.environment.load_before = 1.9;
    if let CellOutcome::Measured { versions: told, deviation, .. } =
        &mut fixture.run.cells[1].outcome
    {
        *told = versions("2.4.0");
        *deviation = Some(Deviation { requests: 32, identical: 30, ..Deviation::default() });
    }
    for launch in &mut fixture.run.launches {
        launch.steal = Some(0.08);
        if let LaunchOutcome::Served(served) = &mut launch.outcome {
            served.warmup_stable = served.warmup_stable.map(|_| false);
            served.cold_start_ns = served.cold_start_ns * 5 / 4;
        }
    }
    for sample in fixture.samples.iter_mut().flat_map(|(_, samples)| samples) {
        sample.cpu_ns = sample.cpu_ns.map(|ns| ns / 2);
        if sample.pass == wasmfit_protocol::Pass::Phase {
            sample.wall_ns = sample.wall_ns * 3 / 2;
        }
    }
    let analysis = analysis_of(&fixture);
    let found = warnings(&analysis);
    for expected in [
        "Processor frequency was not held",
        "The machine was busy",
        "Processor time was stolen",
        "Native and guest versions differ",
        "Off the processor",
        "Warm-up never settled",
        "Cold-start phases do not add up",
        "Phase marks changed the latency",
        "Outputs agree within tolerance, not byte for byte",
        "Few launches: intervals hold less than 95%",
        "Phases about as short as a mark",
    ] {
        assert!(found.contains(&expected), "{expected} is not among {found:?}");
    }
    assert!(analysis.warnings.iter().all(|it| it.to_string().contains("Remedy: ")));
    let html = html_of(&fixture);
    assert!(html.contains("numpy is 2.4.0 in cpython-3.15 and 2.5.2 natively"));
}

#[test]
fn marked_requests_that_take_less_are_called_noise() {
    let mut fixture = pair(5, 100);
    for sample in fixture.samples.iter_mut().flat_map(|(_, samples)| samples) {
        if sample.pass == wasmfit_protocol::Pass::Phase {
            sample.wall_ns /= 2;
        }
    }
    let analysis = analysis_of(&fixture);
    let perturbed = |it: &&Warning| matches!(it, Warning::Perturbation { .. });
    let warning = analysis.warnings.iter().find(perturbed).unwrap();
    assert_eq!(warning.title(), "Marked requests came out faster than plain ones");
    assert!(warning.finding().contains("less than plain ones"), "{warning}");
    assert!(warning.remedy().contains("noise: measure again"), "{warning}");
    assert!(!warnings(&analysis).contains(&"Phase marks changed the latency"));
}

#[test]
fn the_noise_banner_reads_as_one_sentence_and_tells_no_impossible_share() {
    let mut fixture = pair(5, 100);
    fixture.run.environment.load_before = 1.9;
    for launch in &mut fixture.run.launches {
        launch.steal = Some(0.08);
    }
    for sample in fixture.samples.iter_mut().flat_map(|(_, samples)| samples) {
        sample.cpu_ns = Some(sample.wall_ns * 6 / 5);
    }
    let text = summary(&analysis_of(&fixture));
    assert!(text.contains("! Processor time was stolen; the machine was busy: "), "{text}");
    assert!(text.contains("on the processor at least 100% of the time"), "{text}");
    assert!(text.contains("launch medians of one cell differ by up to "), "{text}");
}

#[test]
fn figures_of_a_failed_cell_are_withheld() {
    let mut fixture = pair(3, 100);
    let failure = wasmfit_protocol::Failure {
        kind: wasmfit_protocol::FailureKind::OutputMismatch,
        during: "output check".into(),
        message: "2 of 32 responses differ".into(),
        detail: String::new(),
    };
    let deviation = Some(Deviation {
        requests: 32,
        identical: 30,
        largest_absolute: 0.5,
        largest_relative: 1.0,
    });
    fixture.run.cells[1].outcome = CellOutcome::Failed { failure, deviation };
    let analysis = analysis_of(&fixture);
    let state = &analysis.workloads[0].cases[0].cells[1].state;
    assert!(matches!(state, CellState::Failed { .. }));
    let html = html_of(&fixture);
    assert!(html.contains("✗\u{a0}beyond tolerance") && html.contains("2 of 32 responses differ"));
}

#[test]
fn directories_that_are_not_whole_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(analyze(folder.path()), Err(RecordError::NoRun { .. })));

    pair(2, 20).save(folder.path());
    let samples = folder.path().join("samples.csv");
    let text = fs::read_to_string(&samples).unwrap();
    fs::write(&samples, &text[..text.len() - 10]).unwrap();
    let error = analyze(folder.path()).unwrap_err().to_string();
    assert!(error.contains("samples.csv is damaged") && error.contains("promises"), "{error}");

    let mut stray = pair(2, 20);
    stray.samples.push((99, stray.samples[0].1.clone()));
    let folder = tempfile::tempdir().unwrap();
    stray.save(folder.path());
    let error = analyze(folder.path()).unwrap_err().to_string();
    assert!(error.contains("samples of launch 99"), "{error}");
}

#[test]
fn a_launch_that_failed_counts_for_nothing() {
    let mut fixture = pair(5, 100);
    let whole = analysis_of(&fixture);
    let failure = wasmfit_protocol::Failure {
        kind: wasmfit_protocol::FailureKind::Signal,
        during: "plain pass".into(),
        message: "killed".into(),
        detail: String::new(),
    };
    let id = u32::try_from(fixture.run.launches.len()).unwrap();
    let planned = fixture.run.launches[0].planned;
    let outcome = LaunchOutcome::Failed(failure);
    fixture.run.launches.push(Launch {
        id,
        planned,
        outcome,
        wall_ns: 0,
        steal: None,
        others: None,
        throttled: None,
    });
    fixture.samples.push((id, fixture.samples[0].1.clone()));
    let with_failure = analysis_of(&fixture);
    assert_eq!(measured(&whole, 0), measured(&with_failure, 0));
}

/// A run of every tier.
static MANY: LazyLock<Analysis> = LazyLock::new(|| analysis_of(&Fixture::many(60)));

/// A case of it.
fn case_of(name: &str) -> &'static CaseAnalysis {
    MANY.cases().find(|it| it.case.to_string() == name).unwrap()
}

#[test]
fn many_targets_look_as_agreed() {
    insta::assert_snapshot!("many", summary(&MANY));
}

#[test]
fn many_targets_of_very_different_speed_still_make_charts() {
    let html = html_of(&Fixture::many(60));
    assert!(html.contains("each bar is its own 100%"));
    for named in [
        "cpython-3.15: the same versions as native",
        "cpython-3.12: other versions than native",
        "Python is 3.12.0 in cpython-3.12 and 3.15.0 natively",
        "a figure over stdio includes pipes and thread switches",
        "cpython-3.12 · stdio",
        "compiles nothing",
        "Slow cells are launched less often",
        "3 of 9",
        "left out by the budget",
    ] {
        assert!(html.contains(named), "{named}");
    }
}

#[test]
fn interpreters_are_ranked_among_themselves() {
    let case = case_of("wordpiece");
    let ranked: Vec<_> = case
        .rankings
        .iter()
        .map(|it| (it.guest.as_str(), it.execution, it.compared, it.fastest[0].to_string()))
        .collect();
    let expected = [
        // Not told apart from Wasmer.
        ("cpython-3.15", Execution::Compiled, 2, "wasmtime/cranelift@cpython-3.15"),
        ("cpython-3.15", Execution::Interpreted, 2, "wasmtime/pulley@cpython-3.15"),
        ("cpython-3.12", Execution::Compiled, 5, "wasmtime/cranelift@cpython-3.12"),
        ("cpython-3.12", Execution::Interpreted, 2, "wasmtime/pulley@cpython-3.12"),
    ];
    let expected = expected.map(|(guest, how, count, name)| (guest, how, count, name.to_owned()));
    assert_eq!(ranked, expected);
}

#[test]
fn targets_whose_intervals_overlap_share_a_headline() {
    let leading = case_of("wordpiece").leading("cpython-3.15").unwrap();
    assert_eq!((leading.compared, leading.fastest.len()), (2, 2));
    let text = summary(&MANY);
    assert!(text.contains("not told apart from wasmtime/cranelift@cpython-3.15"), "{text}");
    assert!(text.contains("the fastest of 5 compiled targets"), "{text}");
    assert!(!text.contains("wasmtime takes") && !text.contains("wasmedge takes"));
}

#[test]
fn launches_that_the_budget_leaves_out_are_not_missing() {
    let mut fixture = pair(6, 40);
    fixture.run.plan.budget = Some(Budget { cell_ns: 1_000_000_000, least_rounds: 3 });
    fixture.measure_rounds(
        &case(),
        &"wasmer/singlepass@cpython-3.12".parse().unwrap(),
        40,
        BEHAVIOUR,
        3,
    );
    fixture.fail(&case(), &"wasmer/cranelift@cpython-3.15".parse().unwrap());
    let failed = PlannedLaunch { cell: 3, ..fixture.run.plan.launches[0] };
    fixture.run.plan.launches.push(failed);
    let counts = LaunchCounts { planned: 25, ended: 21, left_out: 3, forgone: 1 };
    assert_eq!(analysis_of(&fixture).launches, counts);
    assert!(html_of(&fixture).contains("21 of 25 planned; 3 left out by the budget; 1 not made"));

    fixture.run.status = Status::Unfinished;
    let analysis = analysis_of(&fixture);
    assert_eq!(analysis.launches.left_out, 0, "not known before the end");
    let is_unfinished = |it: &&Warning| matches!(it, Warning::UnfinishedRun { .. });
    let unfinished = analysis.warnings.iter().find(is_unfinished).unwrap();
    assert!(unfinished.finding().ends_with("the budget may leave out some others"));
}

#[test]
fn few_launches_say_so_wherever_their_interval_stands() {
    let case = case_of("tensor-stream");
    let slow = case.cell(&"wasmedge/interpreter@cpython-3.15".parse().unwrap()).unwrap();
    let slow = slow.measured().unwrap();
    let latency = slow.latency.as_ref().unwrap();
    assert_eq!((latency.launches, latency.launches_planned), (3, 9));
    let confidence = latency.median_ns.interval.unwrap().confidence;
    assert!((confidence - 0.75).abs() < 1e-12);
    assert_eq!(slow.cold_starts[0].launches_planned, 9);
    let text = summary(&MANY);
    assert!(text.contains("75%: "), "{text}");
    let few = |it: &&Warning| matches!(it, Warning::FewLaunches { .. });
    let few = MANY.warnings.iter().find(few).unwrap().to_string();
    assert!(few.contains(" of 9 planned, whose interval holds"), "{few}");
    assert!(few.contains("`--profile default`") && few.contains("budget"), "{few}");
}

#[test]
fn every_unsupported_cell_has_its_reason_and_each_reason_stands_once() {
    let unsupported =
        MANY.cells().filter(|(_, cell)| matches!(cell.state, CellState::Unsupported { .. }));
    let explained: usize = MANY.unsupported.iter().map(|it| it.cells.len()).sum();
    assert_eq!(unsupported.count(), explained);
    let text = summary(&MANY);
    for refusal in &MANY.unsupported {
        let lines = text.lines().filter(|it| it.starts_with("unsupported: "));
        assert_eq!(lines.filter(|it| it.ends_with(&refusal.reason)).count(), 1, "{text}");
    }
    assert!(text.contains("wasmer/singlepass@cpython-3.15 (every case)"), "{text}");
    assert!(text.contains("every target of cpython-3.12 (tensor-stream)"), "{text}");
}

#[test]
fn artifacts_are_told_once_per_target_and_start() {
    let of = |target: &str| -> Vec<_> {
        let target = target.parse().unwrap();
        MANY.preparations.iter().filter(|it| it.target == target).collect()
    };
    let [plain, snapshot] = of("wasmtime/cranelift@cpython-3.15")[..] else { panic!("two starts") };
    assert_eq!(plain.module_bytes, Some(98_600_000));
    assert_eq!(snapshot.module_bytes, Some(131_000_000));
    let [interpreted] = of("wasmedge/interpreter@cpython-3.12")[..] else { panic!("one start") };
    assert_eq!((interpreted.module_bytes, &interpreted.artifact), (Some(26_100_000), &None));
    assert_eq!(interpreted.execution, Some(Execution::Interpreted));
    assert!(of("wasmedge/aot@cpython-3.15").is_empty());
}

#[test]
fn samples_without_processor_time_still_have_a_latency() {
    let mut fixture = pair(5, 100);
    for sample in fixture.samples.iter_mut().flat_map(|(_, samples)| samples) {
        sample.cpu_ns = None;
    }
    let analysis = analysis_of(&fixture);
    let found = measured(&analysis, 1);
    assert_eq!(found.latency.as_ref().unwrap().cpu_median_ns, None);
    assert_eq!(found.noise.cpu_share, None);
    assert!(found.ratio.is_some() && found.phases.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_order_of_rows_does_not_matter(seed in any::<u64>()) {
        let fixture = pair(2, 40);
        let mut shuffled = fixture.clone();
        for (_, samples) in &mut shuffled.samples {
            let mut state = seed;
            samples.sort_by_cached_key(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state >> 20
            });
        }
        let (straight, shuffled) = (analysis_of(&fixture), analysis_of(&shuffled));
        prop_assert_eq!(straight.workloads, shuffled.workloads);
    }
}

/// The attribution of a cell that must have one.
fn attribution(analysis: &Analysis, position: usize) -> &Attribution {
    match &measured(analysis, position).attribution {
        Attributed::Assessed(found) => found,
        Attributed::NotAssessable(why) => panic!("{}", why.told()),
    }
}

fn share(of: &Attribution, class: CostClass) -> f64 {
    of.cost(class).unwrap().share.value
}

#[test]
fn a_requests_time_is_split_by_samples_and_by_the_clock() {
    let analysis = analysis_of(&pair(6, 200));
    let native = attribution(&analysis, 0);
    // Of infer, which is 80% of a request natively: 700 of 1000 samples
    // interpreter, 200 compute, 10 unknown; 90 fell in other phases.
    let marshalling = share(native, CostClass::Marshalling);
    let infer = 1.0 - marshalling;
    assert_eq!(native.infer_samples, 6 * 900);
    assert!((share(native, CostClass::Compute) - infer * 200.0 / 900.0).abs() < 1e-12);
    assert!((share(native, CostClass::Interpreter) - infer * 690.0 / 900.0).abs() < 1e-12);
    assert!((share(native, CostClass::Unknown) - infer * 10.0 / 900.0).abs() < 1e-12);
    let sum: f64 = native.costs.iter().map(|cost| cost.share.value).sum();
    assert!((sum - 1.0).abs() < 1e-12);
    assert_eq!(native.dominant().unwrap().class, CostClass::Interpreter);
    // memcpy is charged to its caller, and says so.
    let part = native.parts.iter().find(|part| part.class == Class::Compute).unwrap();
    let top = part.top.first().unwrap();
    assert_eq!((&*top.symbol, &*top.charged_to), ("memcpy", "FLOAT_add"));
    // The sampler added a hundredth.
    assert!((native.sampler_share.unwrap() - 0.01).abs() < 0.003);
}

#[test]
fn a_class_is_slower_by_the_ratio_of_its_times() {
    let analysis = analysis_of(&pair(6, 200));
    let [native, target] = [0, 1].map(|it| attribution(&analysis, it));
    let ratio = measured(&analysis, 1).ratio.unwrap().times_native.value;
    let [survival] = &analysis.survivals[..] else { panic!("{:?}", analysis.survivals) };
    for class in &survival.classes {
        let expected = ratio * share(target, class.class) / share(native, class.class);
        let found = class.times_native.unwrap();
        assert!((found.value - expected).abs() < 1e-9, "{class:?}");
        assert!(found.interval.unwrap().contains(expected));
    }
    // Marshalling has less than a tenth of native's time.
    let taxed: Vec<_> = analysis.taxes.iter().map(|tax| tax.class).collect();
    assert_eq!(taxed, [CostClass::Interpreter, CostClass::Compute]);
}

#[test]
fn what_is_not_assessable_says_why() {
    let analysis = analysis_of(&Fixture::many(40));
    let reason = |target: &str| {
        let found = analysis.measured().find(|(_, cell, _)| cell.target.to_string() == target);
        match &found.unwrap().2.attribution {
            Attributed::NotAssessable(why) => why.clone(),
            Attributed::Assessed(_) => panic!("{target} is assessed"),
        }
    };
    assert_eq!(reason("wasmtime/pulley@cpython-3.15"), NotAssessable::Interpreted);
    assert_eq!(reason("wasmtime/cranelift@cpython-3.12"), NotAssessable::NoFunctionNames);

    let mut fixture = pair(6, 50);
    fixture.profiles.clear();
    for launch in &mut fixture.run.launches {
        if let LaunchOutcome::Served(served) = &mut launch.outcome {
            served.profile = Some(Profiled::Impossible { reason: "no timer: EAGAIN".into() });
        }
    }
    let analysis = analysis_of(&fixture);
    assert!(warnings(&analysis).contains(&"No PC samples"));
    assert!(html_of(&fixture).contains("no timer: EAGAIN"));
    assert!(analysis.survivals.is_empty());
}

#[test]
fn profiles_that_mislead_are_warned_of() {
    let mut fixture = pair(6, 50);
    for row in &mut fixture.profiles {
        if row.class == Class::Unknown {
            row.count = 100;
        }
    }
    for launch in &mut fixture.run.launches {
        if let LaunchOutcome::Served(served) = &mut launch.outcome
            && let Some(Profiled::Taken(taken)) = &mut served.profile
        {
            taken.lost = 3;
            taken.other_cpu_ns = taken.own_cpu_ns;
        }
    }
    let analysis = analysis_of(&fixture);
    let found = warnings(&analysis);
    for title in [
        "Functions that no rule of cost classes knows",
        "Samples were lost",
        "The workload has threads of its own",
        "Native code without symbols",
    ] {
        assert!(found.contains(&title), "{title}: {found:?}");
    }
}

#[test]
fn a_run_without_profile_is_reported_without_one() {
    let mut fixture = pair(6, 50);
    fixture.profiles.clear();
    fixture.run.plan.sampling.profile = None;
    for launch in &mut fixture.run.launches {
        if let LaunchOutcome::Served(served) = &mut launch.outcome {
            served.profile = None;
        }
    }
    let html = html_of(&fixture);
    assert!(!html.contains("What survives the move") && !html.contains("Cost classes</h4>"));
}

#[test]
fn a_profile_that_is_not_whole_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    pair(6, 50).save(folder.path());
    let path = folder.path().join("profile.csv");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    let error = wasmfit_reports::analyze(folder.path()).unwrap_err().to_string();
    assert!(error.contains("profile.csv is damaged: it holds"), "{error}");
}

#[test]
fn many_cases_begin_with_one_line_per_guest_and_stand_down_the_overview() {
    let mut fixture = Fixture::new(6);
    fixture.workload("w");
    for batch in 1..=9 {
        let case = Case { workload: "w".into(), batch: Some(batch) };
        fixture.measure(&case, &native(), 100, BEHAVIOUR);
        // Half of native's time for one, then 1, 1.5, ... times.
        let latency_ns = BEHAVIOUR.latency_ns * u64::from(batch) / 2;
        fixture.measure(&case, &wasmtime(), 100, Behaviour { latency_ns, ..BEHAVIOUR });
    }
    let folder = tempfile::tempdir().unwrap();
    fixture.save(folder.path());
    write(folder.path()).unwrap();
    let markdown = read(folder.path(), "report.md");
    let line = markdown.lines().find(|line| line.starts_with("- cpython-3.15 on its fastest"));
    let line = line.expect("no summary");
    assert!(line.contains("**2.5") && line.contains("median of 9 cases"), "{line}");
    assert!(line.contains("; faster than native in w/batch-1;"), "{line}");
    assert!(line.contains("; no difference shown in w/batch-2"), "{line}");
    assert!(markdown.contains("| case | native@cpython-3.15 | wasmtime/cranelift@cpython-3.15 |"));
    let html = read(folder.path(), "report.html");
    assert!(html.contains("<summary>9 cases one by one</summary>"));
}

#[test]
fn page_faults_that_weigh_natively_are_told_beside_the_ratio() {
    let mut fixture = pair(6, 100);
    let native = |it: &&mut Launch| it.planned.cell == 0;
    let set = |fixture: &mut Fixture, page_faults: Option<u64>| {
        for launch in fixture.run.launches.iter_mut().filter(native) {
            let LaunchOutcome::Served(served) = &mut launch.outcome else { unreachable!() };
            served.plain_page_faults = page_faults;
        }
    };
    // Ten for each of 100 requests, at 500 ns.
    set(&mut fixture, Some(1000));
    let analysis = analysis_of(&fixture);
    let latency = measured(&analysis, 0).latency.as_ref().unwrap();
    let paging = latency.paging.unwrap();
    let share = 10.0 * 500.0 / latency.median_ns.value;
    assert!((paging.share - share).abs() < 1e-9, "{} is not {share}", paging.share);
    assert!(warnings(&analysis).contains(&"Memory is given back and taken anew at every request"));
    assert!(summary(&analysis).contains("; page faults are at least 9% of native's time"));
    for page_faults in [Some(400), None] {
        set(&mut fixture, page_faults);
        assert!(!summary(&analysis_of(&fixture)).contains("age faults"));
    }
}

#[test]
fn a_site_links_every_run_and_shows_how_a_case_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut folders = Vec::new();
    for day in [2, 1, 1] {
        let mut fixture = pair(6, 50);
        fixture.run.started_at = format!("2026-01-0{day}T09:30:00Z");
        fixture.run.environment.cpu = HOSTILE.into();
        let run = folder.path().join(format!("run-{}", folders.len()));
        fs::create_dir(&run).unwrap();
        fixture.save(&run);
        folders.push(run);
    }
    let site = folder.path().join("site");
    let index = fs::read_to_string(publish(&folders, None, &site).unwrap()).unwrap();
    let names = ["2026-01-01T09-30-00Z", "2026-01-01T09-30-00Z-2", "2026-01-02T09-30-00Z"];
    let places: Vec<_> =
        names.iter().map(|it| index.find(&format!("runs/{it}/report.html")).unwrap()).collect();
    assert!(places.is_sorted(), "the earliest first");
    for name in names {
        for file in ["report.html", "report.md", "run.json", "samples.csv"] {
            assert!(site.join("runs").join(name).join(file).is_file(), "{name}/{file}");
        }
    }
    assert!(index.contains("Latency of w in times native from run to run"));
    assert!(!without_own_script(&index).contains("<script"));
    // A report is the same bytes wherever it lies.
    let own = fs::read(write(&folders[0]).unwrap().html).unwrap();
    assert_eq!(fs::read(site.join("runs").join(names[2]).join("report.html")).unwrap(), own);
    // And so is a site.
    publish(&folders, None, &site).unwrap();
    assert_eq!(fs::read_to_string(site.join("index.html")).unwrap(), index);
}

/// `UPDATE_SCHEMAS=1 cargo test -p wasmfit-reports` writes them again.
#[test]
fn the_schemas_that_are_shipped_are_those_of_the_types() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schemas");
    let schemas = [
        ("run.json", schemars::schema_for!(wasmfit_record::Run)),
        ("analysis.json", schemars::schema_for!(Analysis)),
        ("comparison.json", schemars::schema_for!(wasmfit_reports::comparison::Comparison)),
    ];
    for (name, schema) in schemas {
        let path = format!("{folder}/{name}");
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::create_dir_all(folder).unwrap();
            fs::write(&path, &text).unwrap();
        }
        assert!(fs::read_to_string(&path).is_ok_and(|shipped| shipped == text), "{path}");
    }
}

#[test]
fn a_spreadsheet_takes_no_name_for_a_formula() {
    let mut fixture = Fixture::new(6);
    fixture.workload("=1+1");
    let case = Case { workload: "=1+1".into(), batch: None };
    fixture.measure(&case, &native(), 50, BEHAVIOUR);
    let html = html_of(&fixture);
    let encoded = html.split("data:text/csv;base64,").nth(1).unwrap().split('"').next().unwrap();
    let csv = String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap();
    let rows: Vec<_> = csv.lines().collect();
    assert!(rows[0].starts_with("case,target,") && rows[1].starts_with("'=1+1,native@"), "{csv}");
}
