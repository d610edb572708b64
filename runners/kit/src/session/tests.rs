//! The conversation, held with a guest that is a few lines of Rust.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Seek, SeekFrom};

use wasmfit_protocol::{
    Boundary, FramesReader, GuestFiles, Interpreter, Limits, Profiled, Profiling, Sampling, Start,
    read_profile,
};

use super::*;
use crate::{NamedCall, NamedCalls};

/// A job's surroundings, and the guest's side of the conversation.
struct Conversation {
    folder: tempfile::TempDir,
    events: File,
    session: Session,
    orders: Vec<String>,
    /// What the guest says its clock showed in the phase pass; the truth
    /// where it is `None`.
    marks: Option<[u64; 4]>,
    /// What the guest says when it is to be saved.
    frozen: &'static [u8],
}

const SAMPLING: Sampling = Sampling {
    warmup_ns: 1_000_000,
    plain_ns: 1_000_000,
    phase_ns: 500_000,
    profile: None,
    inject: None,
    least_requests: 7,
    most_requests: 50,
};

fn begin(boundary: Option<Boundary>, task: impl FnOnce(&Path) -> Task) -> Conversation {
    begin_there(boundary, false, task)
}

fn begin_there(
    boundary: Option<Boundary>,
    is_elsewhere: bool,
    task: impl FnOnce(&Path) -> Task,
) -> Conversation {
    let folder = tempfile::tempdir().expect("a folder");
    let events = tempfile::tempfile().expect("a file");
    let pipe = Events::new(events.try_clone().expect("a second handle"));
    let job = Job {
        protocol: wasmfit_protocol::VERSION,
        spawned_at_ns: monotonic_ns(),
        executed_at_ns: monotonic_ns(),
        tier: String::new(),
        guest: boundary.map(guest),
        limits: Limits { memory_bytes: 0, wall_ns: 0, output_bytes: 0 },
        scratch: folder.path().to_owned(),
        artifacts: folder.path().to_owned(),
        debug_files: Vec::new(),
        task: task(folder.path()),
    };
    let session = Session::new(&job, pipe, is_elsewhere).expect("a session");
    Conversation { folder, events, session, orders: Vec::new(), marks: None, frozen: b"reseeded" }
}

fn guest(boundary: Boundary) -> GuestFiles {
    let (name, module_sha256) = ("guest".into(), String::new());
    let (module, library) = ("/g/python.wasm".into(), None);
    GuestFiles {
        name,
        module,
        module_sha256,
        library,
        boundary,
        interpreter: Interpreter::Cpython,
        proposals: BTreeSet::new(),
        holds_workload: false,
        compiled_at_launch: false,
        start: Start::Plain,
    }
}

fn workload() -> Workload {
    Workload { name: "w".into(), folder: "/w".into(), packages: vec!["numpy".into()] }
}

fn measure(requests: u8, sampling: Option<Sampling>) -> Conversation {
    measure_over(None, requests, sampling)
}

fn measure_over(
    boundary: Option<Boundary>,
    requests: u8,
    sampling: Option<Sampling>,
) -> Conversation {
    begin(boundary, |folder| measuring(folder, requests, sampling))
}

/// The task, with its requests.
fn measuring(folder: &Path, requests: u8, sampling: Option<Sampling>) -> Task {
    let path = folder.join("requests.frames");
    let mut file = FramesWriter::create(&path).expect("created");
    for request in 0..requests {
        file.push(&[b'r', request]).expect("pushed");
    }
    file.finish().expect("finished");
    Task::Measure { workload: workload(), requests: path, sampling }
}

impl Conversation {
    fn call(&mut self, message: &[u8]) -> Result<Vec<u8>, Over> {
        self.session.answer(message).map(|answer| answer.to_vec())
    }

    /// Does what the driver does, with `serve` in the workload's place.
    fn drive(&mut self, mut serve: impl FnMut(&[u8]) -> Vec<u8>) -> Result<(), Over> {
        let mut message = Vec::new();
        loop {
            let order = String::from_utf8(self.call(&message)?).expect("an order");
            self.orders.push(order.clone());
            let (verb, rest) = order.split_once(' ').unwrap_or((&order, ""));
            message = match verb {
                "plain" | "phase" | "timed" => {
                    let mut response = Vec::new();
                    for _ in 0..rest.parse::<u32>().expect("a count") {
                        let request = self.call(&response)?;
                        response = serve(&request);
                        if verb == "timed" {
                            let now = monotonic_ns();
                            let marks = self.marks.map_or([now; 4], |marks| marks);
                            let marks = marks.map(u64::to_le_bytes).concat();
                            response = [marks, response].concat();
                        }
                        for _ in 0..if verb == "phase" { 4 } else { 0 } {
                            assert_eq!(self.call(b"")?, b"");
                        }
                    }
                    response
                }
                "versions" => b"python=3.15.0\nnumpy=2.5.2".to_vec(),
                "collect" | "exercise" | "import" | "load" | "remember" => Vec::new(),
                "files" => b"/lib.zip/os.py\n/lib.zip/json/__init__.pyc".to_vec(),
                "freeze" => self.frozen.to_vec(),
                "stop" => return Ok(()),
                other => panic!("no such order: {other}"),
            };
        }
    }

    fn served(self) -> (Vec<Sample>, Served, tempfile::TempDir) {
        match self.session.finish(About::default(), None, String::new()) {
            Ok(Event::Served(served)) => {
                let text = fs::read_to_string(self.folder.path().join("samples.csv"));
                let text = text.expect("samples");
                let rows = text.lines().skip(1);
                let samples = rows.map(|row| Sample::from_row(row.split(',').map(str::as_bytes)));
                (samples.map(|sample| sample.expect("a sample")).collect(), served, self.folder)
            }
            other => panic!("{other:?}"),
        }
    }

    fn failure(self) -> Failure {
        self.session.finish(About::default(), None, String::new()).expect_err("a failure")
    }
}

fn echo(request: &[u8]) -> Vec<u8> {
    request.to_vec()
}

#[test]
fn a_job_goes_from_import_to_stop() {
    let mut conversation = measure(3, Some(SAMPLING));
    conversation.drive(echo).expect("served");
    let verbs: Vec<&str> =
        conversation.orders.iter().filter_map(|order| order.split(' ').next()).collect();
    assert_eq!(verbs[..5], ["import", "load", "plain", "versions", "plain"]);
    assert_eq!(verbs.last(), Some(&"stop"));
    assert!(verbs.contains(&"phase"));
    assert!(conversation.orders[0].ends_with(" /w/workload.py"));
    assert_eq!(conversation.orders[1], "load /w/assets");
    assert_eq!(conversation.orders[3], "versions numpy");
}

fn requests_in(folder: &Path, count: u8) -> PathBuf {
    let path = folder.join("requests.frames");
    let mut file = FramesWriter::create(&path).expect("created");
    for request in 0..count {
        file.push(&[b'r', request]).expect("pushed");
    }
    file.finish().expect("finished");
    path
}

fn snapshot(warming: Option<u8>) -> Conversation {
    begin(Some(Boundary::HostCall), |folder| Task::Snapshot {
        workload: workload(),
        requests: warming.map(|count| requests_in(folder, count)),
    })
}

#[test]
fn a_snapshot_is_taken_when_the_model_is_loaded() {
    let mut conversation = snapshot(None);
    conversation.drive(echo).expect("served");
    let orders: Vec<&str> =
        conversation.orders.iter().filter_map(|order| order.split(' ').next()).collect();
    assert_eq!(orders, ["import", "remember", "load", "freeze", "stop"]);
    assert!(!conversation.session.has_failed());
    let made = conversation.session.finish(About::default(), None, String::new());
    assert_eq!(made, Ok(Event::SnapshotMade { random_state: RandomState::Reseeded }));
}

#[test]
fn a_warmed_snapshot_has_served_every_request_once() {
    let mut conversation = snapshot(Some(3));
    conversation.frozen = b"kept";
    let mut served = Vec::new();
    let serve = |request: &[u8]| {
        served.push(request.to_vec());
        echo(request)
    };
    conversation.drive(serve).expect("served");
    assert_eq!(served, [b"r\0", b"r\x01", b"r\x02"]);
    let made = conversation.session.finish(About::default(), None, String::new());
    assert_eq!(made, Ok(Event::SnapshotMade { random_state: RandomState::Kept }));
}

#[test]
fn what_memory_does_not_hold_cannot_be_saved() {
    let mut conversation = snapshot(None);
    conversation.frozen = b"thread keeper is running, /tmp/log is open";
    assert_eq!(conversation.drive(echo), Err(Over));
    assert!(conversation.session.has_failed());
    let failure = conversation.failure();
    assert_eq!(failure.kind, FailureKind::Contract);
    assert!(failure.message.contains("thread keeper is running, /tmp/log is open"), "{failure:?}");
}

#[test]
fn a_coverage_serves_every_request_with_and_without_marks() {
    let mut conversation = begin(Some(Boundary::HostCall), |folder| Task::Cover {
        workload: workload(),
        requests: requests_in(folder, 3),
        collecting: true,
    });
    // Whether it could be saved does not matter.
    conversation.frozen = b"/tmp/log is open";
    let mut served = [0; 3];
    let serve = |request: &[u8]| {
        served[usize::from(request[1])] += 1;
        echo(request)
    };
    conversation.drive(serve).expect("served");
    assert!(served.iter().all(|count| *count >= 2), "{served:?}");
    assert!(conversation.orders.iter().any(|order| order.starts_with("phase ")));
    assert_eq!(conversation.orders[0], "collect");
    assert!(conversation.orders.iter().any(|order| order == "exercise"));
    let covered = conversation.session.finish(About::default(), None, String::new());
    let files = ["/lib.zip/os.py", "/lib.zip/json/__init__.pyc"].map(str::to_owned).to_vec();
    assert_eq!(covered, Ok(Event::Covered { files }));
}

#[test]
fn a_saved_workload_is_gone_on_with() {
    let saved = GuestFiles { holds_workload: true, ..guest(Boundary::HostCall) };
    assert_eq!(host_call_program(&saved), "ended = resume(served)\n");
    let program = host_call_program(&guest(Boundary::HostCall));
    assert!(program.ends_with("served = serve(_host.call)\n"), "{program}");
}

#[test]
fn cold_start_phases_follow_each_other_without_gaps() {
    let mut conversation = measure(3, None);
    conversation.session.begin(ColdPhase::Instantiate);
    conversation.session.begin(ColdPhase::Initialize);
    conversation.drive(echo).expect("served");
    let (samples, served, _) = conversation.served();
    let names: Vec<&str> = samples.iter().map(|sample| sample.stretch.name()).collect();
    let phases = ["spawn", "instantiate", "initialize", "import", "model-load", "first-request"];
    assert_eq!(names, phases);
    let sum: u64 = samples.iter().map(|sample| sample.wall_ns).sum();
    assert_eq!(sum, served.cold_start_ns);
    assert_eq!(served.warmup_stable, None);
}

#[test]
fn a_cold_start_serves_one_request_and_stops() {
    let mut conversation = measure(3, None);
    let mut count = 0;
    let serve = |request: &[u8]| {
        count += 1;
        echo(request)
    };
    conversation.drive(serve).expect("served");
    assert_eq!(count, 1);
    assert_eq!(conversation.orders.last().map(String::as_str), Some("stop"));
    let (_, _, folder) = conversation.served();
    let responses = FramesReader::open(&folder.path().join("responses.frames")).expect("opened");
    assert_eq!(responses.map(|frame| frame.expect("read")).collect::<Vec<_>>(), [b"r\0"]);
}

#[test]
fn every_marked_request_has_each_phase_once() {
    let mut conversation = measure(3, Some(SAMPLING));
    conversation.drive(echo).expect("served");
    let (samples, ..) = conversation.served();
    let phase: Vec<&Sample> = samples.iter().filter(|s| s.pass == Pass::Phase).collect();
    assert!(!phase.is_empty());
    for (request, parts) in (0u32..).zip(phase.chunks(RequestPhase::ALL.len())) {
        let stretches: Vec<Stretch> = parts.iter().map(|sample| sample.stretch).collect();
        assert_eq!(stretches, RequestPhase::ALL.map(Stretch::Part));
        assert!(
            parts.iter().all(|sample| sample.index == request && sample.request == request % 3)
        );
    }
}

#[test]
fn a_guest_over_stdio_times_its_phases_itself() {
    let mut conversation = measure_over(Some(Boundary::Stdio), 3, Some(SAMPLING));
    conversation.drive(echo).expect("served");
    assert!(!conversation.orders.iter().any(|order| order.starts_with("phase")));
    let (samples, _, folder) = conversation.served();
    let phase: Vec<&Sample> = samples.iter().filter(|s| s.pass == Pass::Phase).collect();
    assert!(!phase.is_empty());
    for parts in phase.chunks(RequestPhase::ALL.len()) {
        let stretches: Vec<Stretch> = parts.iter().map(|sample| sample.stretch).collect();
        assert_eq!(stretches, RequestPhase::ALL.map(Stretch::Part));
        // The guest's clock tells no processor time.
        assert!(parts.iter().all(|sample| sample.cpu_ns.is_none()));
    }
    let plain = samples.iter().filter(|sample| sample.pass == Pass::Plain);
    assert!(plain.clone().count() > 0 && plain.clone().all(|sample| sample.cpu_ns.is_some()));
    // The marks are no part of the response.
    let responses = FramesReader::open(&folder.path().join("responses.frames")).expect("opened");
    assert_eq!(responses.last().expect("one").expect("read"), b"r\x02");
}

#[test]
fn a_guest_with_another_clock_is_not_believed() {
    for marks in [[0; 4], [u64::MAX; 4], [2, 1, 3, 4]] {
        let mut conversation = measure_over(Some(Boundary::Stdio), 3, Some(SAMPLING));
        conversation.marks = Some(marks);
        assert_eq!(conversation.drive(echo), Err(Over));
        let failure = conversation.failure();
        assert_eq!(failure.kind, FailureKind::Runner);
        assert!(failure.message.contains("clock"), "{failure:?}");
    }
}

#[test]
fn each_pass_keeps_to_its_least_and_most() {
    let mut conversation = measure(3, Some(SAMPLING));
    conversation.drive(echo).expect("served");
    let (samples, ..) = conversation.served();
    let count = |pass| samples.iter().filter(|sample| sample.pass == pass).count();
    // A fake guest is so fast that the most is reached before the time.
    assert_eq!(count(Pass::Plain), 50);
    assert_eq!(count(Pass::Phase), 50 * RequestPhase::ALL.len());

    let slow = Sampling { plain_ns: 1, phase_ns: 1, warmup_ns: 0, ..SAMPLING };
    let mut conversation = measure(3, Some(slow));
    let dawdle = |request: &[u8]| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        echo(request)
    };
    conversation.drive(dawdle).expect("served");
    let (samples, served, _) = conversation.served();
    let count = |pass| samples.iter().filter(|sample| sample.pass == pass).count();
    assert_eq!(count(Pass::Plain), 7);
    assert_eq!(count(Pass::Phase), 7 * RequestPhase::ALL.len());
    assert_eq!(served.warmup_stable, Some(false));
}

#[test]
fn a_profile_says_where_requests_spend_their_time() {
    let profile = Some(Profiling { wall_ns: 1, hertz: 1000 });
    let sampling = Sampling { plain_ns: 1, phase_ns: 1, warmup_ns: 0, profile, ..SAMPLING };
    let busy = |request: &[u8]| {
        let until = monotonic_ns() + 5_000_000;
        while monotonic_ns() < until {}
        echo(request)
    };
    let mut conversation = measure(3, Some(sampling));
    conversation.drive(busy).expect("served");
    let (samples, served, folder) = conversation.served();
    let watched = samples.iter().filter(|sample| sample.pass == Pass::Profile).count();
    // Whole bursts, and at least the least.
    assert!(watched >= 7 * RequestPhase::ALL.len() && watched % RequestPhase::ALL.len() == 0);
    let Some(Profiled::Taken(taken)) = served.profile else { panic!("{:?}", served.profile) };
    let rows = read_profile(&folder.path().join("profile.jsonl")).expect("a profile");
    assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), taken.samples);
    assert!(taken.samples > 7 && taken.lost == 0, "{taken:?}");
    // This guest computes before its first mark.
    let delivering = rows.iter().filter(|row| row.phase == RequestPhase::Deliver);
    assert!(delivering.map(|row| row.count).sum::<u64>() > taken.samples / 2);
    assert!(rows.iter().all(|row| row.request < 3 && !row.places.is_empty()));
}

#[test]
fn over_stdio_there_is_no_profile_and_all_else() {
    let profile = Some(Profiling { wall_ns: 1, hertz: 1000 });
    let sampling = Sampling { profile, ..SAMPLING };
    let mut conversation = measure_over(Some(Boundary::Stdio), 3, Some(sampling));
    conversation.drive(echo).expect("served");
    let (samples, served, _) = conversation.served();
    assert!(samples.iter().all(|sample| sample.pass != Pass::Profile));
    let Some(Profiled::Impossible { reason }) = served.profile else { panic!("it is possible") };
    assert!(reason.contains("stdio"), "{reason}");
}

#[test]
fn first_responses_are_kept_in_order() {
    let mut conversation = measure(4, Some(SAMPLING));
    conversation.drive(|request| [request, b"!"].concat()).expect("served");
    let (_, _, folder) = conversation.served();
    let responses = FramesReader::open(&folder.path().join("responses.frames")).expect("opened");
    let responses: Vec<Vec<u8>> = responses.map(|frame| frame.expect("read")).collect();
    assert_eq!(responses, [b"r\0!", b"r\x01!", b"r\x02!", b"r\x03!"]);
}

#[test]
fn a_response_that_changes_ends_the_job() {
    let mut conversation = measure(2, Some(SAMPLING));
    let mut count = 0u32;
    let serve = |_: &[u8]| {
        count += 1;
        // Steady through the check, and once more.
        (count / 6).to_le_bytes().to_vec()
    };
    assert_eq!(conversation.drive(serve), Err(Over));
    let failure = conversation.failure();
    assert_eq!(failure.kind, FailureKind::Unsteady);
    assert!(failure.message.starts_with("request "), "{failure:?}");
}

#[test]
fn the_drivers_report_becomes_the_failure() {
    let cases = [
        ("raised\ninfer\nValueError: x\nTrace\nback", FailureKind::Raised, "import, in infer"),
        ("contract\n\nno function\n", FailureKind::Contract, "import"),
        ("memory\nload\nMemoryError\n", FailureKind::Memory, "import, in load"),
        ("", FailureKind::Raised, "import"),
    ];
    for (report, kind, during) in cases {
        let mut conversation = measure(2, Some(SAMPLING));
        let order = conversation.call(b"").expect("an order");
        let token = order.split(|byte| *byte == b' ').nth(1).expect("a token").to_vec();
        assert_eq!(conversation.call(&[&token, report.as_bytes()].concat()), Err(Over));
        // Whatever a guest says after that changes nothing.
        assert_eq!(conversation.call(&[&token, &b"contract\n\nlater\n"[..]].concat()), Err(Over));
        let failure = conversation.failure();
        assert_eq!((failure.kind, failure.during.as_str()), (kind, during));
    }
}

#[test]
fn a_guest_that_leaves_early_has_failed() {
    let mut conversation = measure(2, Some(SAMPLING));
    conversation.call(b"").expect("an order");
    assert_eq!(conversation.failure().kind, FailureKind::Trap);
}

#[test]
fn what_the_session_knows_comes_before_what_the_runtime_knows() {
    let trouble = || Some(Failure::new(FailureKind::Trap, "guest", "trapped"));
    let mut conversation = measure(2, Some(SAMPLING));
    let order = conversation.call(b"").expect("an order");
    let token = order.split(|byte| *byte == b' ').nth(1).expect("a token").to_vec();
    assert_eq!(conversation.call(&[&token, &b"raised\n\nE\n"[..]].concat()), Err(Over));
    let failed = conversation.session.finish(About::default(), trouble(), String::new());
    assert_eq!(failed.expect_err("a failure").kind, FailureKind::Raised);

    let conversation = measure(2, Some(SAMPLING));
    let failed = conversation.session.finish(About::default(), trouble(), String::new());
    assert_eq!(failed.expect_err("a failure").kind, FailureKind::Trap);
}

#[test]
fn versions_are_told_as_the_guest_says_them() {
    let mut conversation = measure(2, Some(SAMPLING));
    conversation.drive(echo).expect("served");
    let mut text = String::new();
    conversation.events.seek(SeekFrom::Start(0)).expect("rewound");
    conversation.events.read_to_string(&mut text).expect("read");
    let versions = text.lines().find_map(|line| match serde_json::from_str(line) {
        Ok(Event::Versions(versions)) => Some(versions),
        _ => None,
    });
    let versions = versions.expect("a versions event");
    assert_eq!(versions.python, "3.15.0");
    assert_eq!(versions.packages.get("numpy").map(String::as_str), Some("2.5.2"));
}

#[test]
fn requests_are_made_one_by_one() {
    let mut conversation =
        begin(None, |_| Task::MakeRequests { workload: workload(), count: 3, batch: Some(64) });
    assert!(conversation.call(b"").expect("an order").starts_with(b"import "));
    assert_eq!(conversation.call(b"").expect("an order"), b"make 3 64");
    assert_eq!(conversation.call(b"one").expect("an answer"), b"");
    assert_eq!(conversation.call(b"two").expect("an answer"), b"");
    assert_eq!(conversation.call(b"three").expect("an order"), b"stop");
    let path = conversation.folder.path().join("requests.frames");
    let event = conversation.session.finish(About::default(), None, String::new());
    assert_eq!(event, Ok(Event::RequestsMade { count: 3 }));
    let made = FramesReader::open(&path).expect("opened").map(|frame| frame.expect("read"));
    assert_eq!(made.collect::<Vec<_>>(), [&b"one"[..], b"two", b"three"]);
}

/// A guest that is elsewhere: takes turn after turn by itself, each request in
/// 3 µs by its own clock, and tells of them afterwards.
fn play(
    replay: &mut Replay,
    mut tamper: impl FnMut(&mut Vec<(Vec<u8>, Told)>),
) -> Result<(), Over> {
    let mut now_ns = 1_000_000;
    loop {
        let turn = replay.turn().clone();
        let requests: Vec<Arc<[u8]>> = replay.requests().to_vec();
        let mut told: Vec<(Vec<u8>, Told)> = Vec::new();
        let mut say = |message: &[u8]| {
            now_ns += 2_000;
            let (entered_ns, copied_ns) = (now_ns, now_ns + 1_000);
            now_ns += 1_000;
            told.push((message.to_vec(), Told { entered_ns, copied_ns, answered_ns: now_ns }));
        };
        let versions = turn.answers.iter().any(|it| it.starts_with(b"versions"));
        let is_opening = turn.answers.iter().any(|it| it.starts_with(b"load"));
        for _ in &turn.answers {
            say(b"");
        }
        let Series { first, count, marks, .. } =
            turn.series.unwrap_or(Series { first: 0, count: 0, marks: 0, is_profiled: false });
        let mut last = match (versions, is_opening) {
            (true, _) => b"python=3.15.0".to_vec(),
            (_, true) => [&requests[0][..], b"!"].concat(),
            (false, false) => Vec::new(),
        };
        for index in first..first + count {
            say(&last);
            (0..marks).for_each(|_| say(b""));
            last = [&requests[index as usize % requests.len()][..], b"!"].concat();
        }
        say(&last);
        tamper(&mut told);
        let heard = told.iter().map(|(message, told)| (&message[..], *told));
        if !replay.take(heard)? {
            return Ok(());
        }
    }
}

fn elsewhere(requests: u8, sampling: Option<Sampling>) -> (Conversation, Replay) {
    let mut conversation =
        begin_there(Some(Boundary::HostCall), true, |folder| measuring(folder, requests, sampling));
    let other = measure_over(Some(Boundary::HostCall), 1, None);
    let session = std::mem::replace(&mut conversation.session, other.session);
    (conversation, Replay::new(session))
}

#[test]
fn what_is_told_of_a_guest_elsewhere_is_sampled_as_it_was_told() {
    let (mut conversation, mut replay) = elsewhere(3, Some(SAMPLING));
    replay.begin_at(500_000);
    replay.begin(ColdPhase::Initialize, 900_000);
    play(&mut replay, |_| {}).expect("all turns");
    conversation.session = replay.into_session();
    let (samples, served, folder) = conversation.served();
    let of = |pass| samples.iter().filter(move |it: &&Sample| it.pass == pass);
    assert!(of(Pass::Plain).count() >= 7 && of(Pass::Phase).count() >= 35);
    assert!(of(Pass::Plain).all(|it| it.wall_ns == 3_000 && it.cpu_ns.is_none()));
    // Behind a mark the time until it came, behind the response that of its copy too.
    let phases: Vec<u64> = of(Pass::Phase).take(5).map(|it| it.wall_ns).collect();
    assert_eq!(phases, [2_000, 2_000, 2_000, 2_000, 3_000]);
    let cold: u64 = of(Pass::Cold).map(|it| it.wall_ns).sum();
    assert_eq!(served.cold_start_ns, cold);
    // Opening to the first response: five messages by the guest's clock.
    assert_eq!(cold, 1_000_000 + 5 * 3_000 - 500_000);
    let kept = FramesReader::open(&folder.path().join("responses.frames")).expect("kept");
    let kept: Vec<Vec<u8>> = kept.map(|it| it.expect("a frame")).collect();
    assert_eq!(kept, [b"r\0!".to_vec(), b"r\x01!".to_vec(), b"r\x02!".to_vec()]);
}

#[test]
fn a_turn_that_was_not_taken_to_its_end_ends_the_job() {
    let (mut conversation, mut replay) = elsewhere(3, Some(SAMPLING));
    let mut turns = 0;
    let cut = |told: &mut Vec<(Vec<u8>, Told)>| {
        turns += 1;
        if turns == 3 {
            told.pop();
        }
    };
    assert_eq!(play(&mut replay, cut), Err(Over));
    conversation.session = replay.into_session();
    let failure = conversation.failure();
    assert_eq!(failure.message, "the guest's loop ended before it was told to");
}

#[test]
fn a_report_of_failure_is_heard_wherever_it_comes() {
    let (mut conversation, mut replay) = elsewhere(3, Some(SAMPLING));
    let token = String::from_utf8(replay.turn().answers[0][7..39].to_vec()).expect("a token");
    let mut turns = 0;
    let report = |told: &mut Vec<(Vec<u8>, Told)>| {
        turns += 1;
        if turns == 2 {
            told.truncate(1);
            told[0].0 = format!("{token}raised\ninfer\nValueError: no\n").into_bytes();
        }
    };
    assert_eq!(play(&mut replay, report), Err(Over));
    conversation.session = replay.into_session();
    assert_eq!(conversation.failure().message, "ValueError: no");
}

#[test]
fn a_response_that_changes_is_found_elsewhere_too() {
    let (mut conversation, mut replay) = elsewhere(1, Some(SAMPLING));
    let mut turns = 0;
    let change = |told: &mut Vec<(Vec<u8>, Told)>| {
        turns += 1;
        if turns == 4
            && let Some((message, _)) = told.last_mut()
        {
            message.push(b'?');
        }
    };
    assert_eq!(play(&mut replay, change), Err(Over));
    conversation.session = replay.into_session();
    assert_eq!(conversation.failure().kind, FailureKind::Unsteady);
}

#[test]
fn phases_told_out_of_order_say_where_a_guest_hangs() {
    let (mut conversation, replay) = elsewhere(1, None);
    for phase in [ColdPhase::Fetch, ColdPhase::FirstRequest, ColdPhase::Import] {
        replay.entered(phase);
    }
    conversation.session = replay.into_session();
    assert_eq!(conversation.failure().during, "first-request");
}

/// The same with a new guest for each request.
fn in_lives(conversation: Conversation) -> Conversation {
    let Conversation { folder, events, session, orders, marks, frozen } = conversation;
    Conversation { folder, events, session: session.in_lives(), orders, marks, frozen }
}

#[test]
fn each_request_has_a_guest_of_its_own() {
    let mut conversation = in_lives(measure(3, Some(SAMPLING)));
    let (mut guests, mut most) = (0, 0);
    loop {
        guests += 1;
        let mut served = 0;
        let serve = |request: &[u8]| {
            served += 1;
            echo(request)
        };
        conversation.drive(serve).expect("served");
        most = most.max(served);
        assert_eq!(conversation.orders.last().map(String::as_str), Some("stop"));
        if !conversation.session.begins_another() {
            break;
        }
    }
    assert_eq!(most, 1);
    // The first of them tells versions too; every later one imports and loads.
    assert_eq!(conversation.orders.iter().filter(|it| it.starts_with("import ")).count(), guests);
    assert_eq!(conversation.orders.iter().filter(|it| it.starts_with("load ")).count(), guests);
    assert_eq!(conversation.orders.iter().filter(|it| it.starts_with("versions")).count(), 1);
    let (samples, served, _) = conversation.served();
    let plain = samples.iter().filter(|it| it.pass == Pass::Plain).count();
    assert!(plain >= SAMPLING.least_requests as usize, "{plain}");
    assert!(samples.iter().any(|it| it.stretch == Stretch::Part(RequestPhase::Infer)));
    assert!(guests > plain && served.cold_start_ns > 0);
    // What a later guest takes to come up is part of its request, not of the start.
    let cold: u64 =
        samples.iter().filter(|it| it.pass == Pass::Cold).map(|sample| sample.wall_ns).sum();
    assert_eq!(cold, served.cold_start_ns);
}

#[test]
fn a_guest_that_fails_among_many_ends_the_job() {
    let mut conversation = in_lives(measure(3, Some(SAMPLING)));
    conversation.drive(echo).expect("served");
    assert!(conversation.session.begins_another());
    let import = conversation.call(b"").expect("an order");
    let token = import[b"import ".len()..].split(|byte| *byte == b' ').next().expect("a token");
    let report = [token, b"raised\nload\nValueError: no\ntrace"].concat();
    assert_eq!(conversation.call(&report), Err(Over));
    assert!(conversation.session.has_failed() && !conversation.session.begins_another());
}

#[test]
fn a_message_crosses_by_two_calls_of_a_name() {
    let mut conversation = measure(3, None);
    let mut calls = NamedCalls::default();
    let mut memory = vec![0; 256];
    memory[..4].copy_from_slice(b"take");
    memory[4..7].copy_from_slice(b"put");
    let mut ask = |memory: &mut [u8], name, payload| {
        let call = NamedCall { name, payload, answer: (16, 16) };
        calls.answer(&mut conversation.session, memory, call)
    };
    let written = ask(&mut memory, (0, 4), (0, 0));
    let length = usize::try_from(written).expect("a length");
    let length: u32 = String::from_utf8_lossy(&memory[16..16 + length]).parse().expect("digits");
    memory[8..12].copy_from_slice(&64_u32.to_le_bytes());
    assert_eq!(ask(&mut memory, (4, 3), (8, 4)), 0);
    assert!(memory[64..64 + length as usize].starts_with(b"import "));
    // There is nothing to be put twice, no such name, and no memory out there.
    assert!(ask(&mut memory, (4, 3), (8, 4)) < 0);
    assert!(ask(&mut memory, (0, 3), (0, 0)) < 0);
    assert!(ask(&mut memory, (0, 4), (255, 2)) < 0);
}
