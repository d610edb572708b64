//! A visit of the page: the turns its guest takes, and what became of them.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use wasmfit_kit::protocol::{
    ColdPhase, Failure, FailureKind, Limits, Page, Profiled, RequestPhase,
};
use wasmfit_kit::{Over, Replay, Series, Session, Told, Trouble, Turn};

use crate::browser::{Browser, News};
use crate::frames;
use crate::profile::{Interval, Profile, Samples};
use crate::site::{Asked, Question};

/// How long the first of two visits serves: V8 keeps compiled code that it has
/// optimised, and puts it into the browser's cache
const REHEARSED_NS: f64 = 2e9;
/// when none has been added for two seconds (`--wasm-caching-timeout-ms`).
const UNTIL_CODE_IS_CACHED: Duration = Duration::from_secs(3);

/// What is shorter than so many steps of the page's clock is not timed by
/// itself.
const STEPS: f64 = 20.0;

/// Nanoseconds of a time that is not negative, as whole ones.
pub(crate) fn whole(ns: f64) -> u64 {
    // Saturates, and is 0 for what is not a number.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "meant to saturate")]
    let whole = ns.round() as u64;
    whole
}

/// A page that is open, or about to be.
pub(crate) struct Visit<'a> {
    pub(crate) browser: &'a mut Browser,
    /// The page's address.
    pub(crate) site: &'a str,
    pub(crate) limits: Limits,
}

/// What a measured visit brought.
pub(crate) struct Measured {
    pub(crate) session: Session,
    pub(crate) linear_memory_bytes: u64,
    pub(crate) profile: Option<Profiled>,
    pub(crate) page: Option<Page>,
    pub(crate) trouble: Option<Failure>,
}

/// How often to sample, and what the guest's module is called.
pub(crate) struct Profiling {
    pub(crate) hertz: u32,
    pub(crate) module: String,
}

/// Says what each turn consists of, and learns what became of it.
trait Director {
    fn opening(&self) -> &Turn;

    fn requests(&mut self) -> Vec<Arc<[u8]>>;

    /// The guest has entered a phase of its cold start.
    fn entered(&self, phase: ColdPhase);

    /// Takes in what became of a turn; says whether there is another.
    fn take(&mut self, told: &Record<'_>, browser: &mut Browser) -> Result<Option<Turn>, Failure>;
}

/// What the page tells of a turn, beside times and messages.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    ended: Option<Ending>,
    /// Cold-start phases, and when they began, ms.
    phases: Vec<(ColdPhase, f64)>,
    memory_bytes: u64,
    /// The step of the clock there, ms.
    clock_step: f64,
    is_isolated: bool,
    traffic: Traffic,
    /// From the page's opening to the beginning of times, ms.
    since_opened: f64,
}

/// How a guest ended other than by being told to.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "ending", rename_all = "kebab-case")]
enum Ending {
    Exited { code: i32 },
    Trapped { reason: String, backtrace: String },
    MemoryRefused,
    Printed,
    NotRun { reason: String },
}

impl Ending {
    /// The same as every runner tells it; `during` is where the job stands.
    fn told(self, limits: Limits, during: &str) -> Failure {
        let trouble = match self {
            Self::Exited { code } => Trouble::Exited(code),
            Self::Trapped { reason, backtrace } => Trouble::Trapped { reason, backtrace },
            Self::MemoryRefused => Trouble::MemoryRefused { limit_bytes: limits.memory_bytes },
            Self::Printed => {
                let trouble = Trouble::Printed { limit_bytes: limits.output_bytes };
                return Failure { during: during.to_owned(), ..trouble.into() };
            }
            Self::NotRun { reason } => Trouble::NotRun(reason),
        };
        trouble.into()
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Traffic {
    transferred: u64,
    encoded: u64,
    decoded: u64,
}

impl Traffic {
    const fn and(self, other: Self) -> Self {
        Self {
            transferred: self.transferred + other.transferred,
            encoded: self.encoded + other.encoded,
            decoded: self.decoded + other.decoded,
        }
    }
}

/// What the page tells of itself, once the first response is there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    /// ms
    longest_task: f64,
    /// Of the page's own, where the guest is in a worker.
    traffic: Option<Traffic>,
}

/// What became of a turn.
struct Record<'a> {
    said: Said,
    printed: &'a [u8],
    /// When each message came and was answered, by the page's clock from its
    /// opening on.
    times: Vec<Told>,
    messages: Vec<&'a [u8]>,
}

impl<'a> Record<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        let frames = frames::unpack(body);
        let [said, printed, rest @ ..] = &frames[..] else { return None };
        let said: Said = serde_json::from_slice(said).ok()?;
        let (times, messages) = match rest {
            [] => (Vec::new(), Vec::new()),
            [times, places, kept @ ..] => {
                let at_ns =
                    |ms: &[u8; 8]| whole((f64::from_le_bytes(*ms) + said.since_opened) * 1e6);
                let (times, _) = times.as_chunks::<8>();
                let told = |three: &[[u8; 8]]| match three {
                    [entered, copied, answered] => Some(Told {
                        entered_ns: at_ns(entered),
                        copied_ns: at_ns(copied),
                        answered_ns: at_ns(answered),
                    }),
                    _ => None,
                };
                let times: Option<Vec<Told>> = times.chunks(3).map(told).collect();
                let (places, _) = places.as_chunks::<4>();
                let message =
                    |place: &[u8; 4]| kept.get(u32::from_le_bytes(*place) as usize).copied();
                let messages: Option<Vec<&[u8]>> = places.iter().map(message).collect();
                (times?, messages?)
            }
            [_] => return None,
        };
        (times.len() == messages.len()).then_some(Self { said, printed, times, messages })
    }
}

impl Visit<'_> {
    /// Opens the page once and serves from it until the browser has kept what
    /// it keeps.
    pub(crate) fn rehearse(&mut self, replay: &Replay) -> Result<(), Failure> {
        let mut rehearsal = Rehearsal { opening: replay.turn().clone(), has_served: false };
        self.serve(&mut rehearsal)?;
        thread::sleep(UNTIL_CODE_IS_CACHED);
        Ok(())
    }

    /// Opens the page and measures.
    pub(crate) fn measure(
        &mut self,
        replay: Replay,
        profiling: Option<Profiling>,
        scratch: &Path,
    ) -> Result<Measured, Failure> {
        let mut measuring = Measuring {
            replay,
            limits: self.limits,
            page: None,
            linear_memory_bytes: 0,
            sampler: profiling.map(|it| Sampler {
                hertz: it.hertz,
                samples: Samples::new(it.module),
                opened_at_ns: 0.0,
                refused: None,
            }),
            trouble: None,
        };
        self.serve(&mut measuring)?;
        let profile = measuring.sampler.map(|it| it.finish(scratch)).transpose()?;
        Ok(Measured {
            session: measuring.replay.into_session(),
            linear_memory_bytes: measuring.linear_memory_bytes,
            profile,
            page: measuring.page,
            trouble: measuring.trouble,
        })
    }

    /// Answers the page until its guest has ended.
    fn serve(&mut self, director: &mut impl Director) -> Result<(), Failure> {
        let of_browser = |reason| failed(FailureKind::Runner, reason);
        self.browser.navigate(self.site).map_err(of_browser)?;
        loop {
            let asked = match self.browser.next_news() {
                News::Asked(asked) => asked,
                News::Devtools(message) => match crashed(&message) {
                    Some(failure) => return Err(failure),
                    None => continue,
                },
                News::Gone => {
                    return Err(failed(FailureKind::Signal, "the browser has ended".into()));
                }
            };
            if !answer(asked, director, self.browser)? {
                return Ok(());
            }
        }
    }
}

/// Answers a question of the page; says whether there will be more.
fn answer(
    asked: Asked,
    director: &mut impl Director,
    browser: &mut Browser,
) -> Result<bool, Failure> {
    let unreadable =
        || failed(FailureKind::Runner, "the page told nothing that can be read".into());
    match asked.what {
        Question::Opening => {
            let packed = packed(director.opening());
            asked.answer(Some(packed));
        }
        Question::Requests => {
            let requests = director.requests();
            asked.answer(Some(frames::pack(requests.iter().map(|it| &**it))));
        }
        Question::Phase(phase) => {
            director.entered(phase);
            asked.answer(None);
        }
        Question::Failure => {
            let reason = String::from_utf8_lossy(&asked.body).into_owned();
            asked.answer(None);
            return Err(Trouble::NotRun(reason).into());
        }
        Question::Next => {
            let record = Record::read(&asked.body).ok_or_else(unreadable)?;
            let next = director.take(&record, browser)?;
            let goes_on = next.is_some();
            asked.answer(next.map(|turn| packed(&turn)));
            return Ok(goes_on);
        }
    }
    Ok(true)
}

/// A turn for its way to the page.
fn packed(turn: &Turn) -> Vec<u8> {
    let phases: Vec<&str> = turn.phases.iter().map(|it| it.name()).collect();
    let series =
        turn.series.map(|it| json!({ "first": it.first, "count": it.count, "marks": it.marks }));
    let header = json!({ "program": turn.program, "phases": phases, "series": series }).to_string();
    let answers = turn.answers.iter().map(|it| &**it);
    frames::pack(std::iter::once(header.as_bytes()).chain(answers))
}

fn failed(kind: FailureKind, reason: String) -> Failure {
    Failure::new(kind, "page", reason)
}

/// What the browser says when a page's process has died.
fn crashed(message: &serde_json::Value) -> Option<Failure> {
    let method = message["method"].as_str()?;
    if !matches!(method, "Inspector.targetCrashed" | "Target.targetCrashed") {
        return None;
    }
    let status = message["params"]["status"].as_str().unwrap_or("its process died");
    let message = format!(
        "the page crashed ({status}), as browsers' pages do that take more memory than there is"
    );
    Some(failed(FailureKind::Signal, message))
}

/// The first of two visits, of which nothing is kept here.
struct Rehearsal {
    opening: Turn,
    has_served: bool,
}

impl Director for Rehearsal {
    fn opening(&self) -> &Turn {
        &self.opening
    }

    fn requests(&mut self) -> Vec<Arc<[u8]>> {
        self.opening.answers.last().cloned().into_iter().collect()
    }

    fn entered(&self, _: ColdPhase) {}

    fn take(&mut self, told: &Record<'_>, _: &mut Browser) -> Result<Option<Turn>, Failure> {
        // What goes wrong here goes wrong again where it is told.
        if self.has_served || told.said.ended.is_some() {
            return Ok(None);
        }
        self.has_served = true;
        let [.., asked, answered] = &told.times[..] else { return Ok(None) };
        let took_ns = answered.copied_ns.saturating_sub(asked.answered_ns).max(1_000) as f64;
        let count =
            u32::try_from(whole(REHEARSED_NS / took_ns)).unwrap_or(u32::MAX).clamp(1, 100_000);
        let series = Series { first: 0, count, marks: 0, is_profiled: false };
        let order: Arc<[u8]> = format!("plain {count}").into_bytes().into();
        let answers = vec![Arc::clone(&self.opening.answers[0]), order];
        Ok(Some(Turn::going_on(answers, Some(series))))
    }
}

/// The visit that is measured.
struct Measuring {
    replay: Replay,
    limits: Limits,
    page: Option<Page>,
    linear_memory_bytes: u64,
    sampler: Option<Sampler>,
    trouble: Option<Failure>,
}

/// V8's sampler, as far as it is wanted.
struct Sampler {
    hertz: u32,
    samples: Samples,
    /// When the page was opened, by the clock of profiles, ns.
    opened_at_ns: f64,
    /// Why there is no profile.
    refused: Option<String>,
}

impl Sampler {
    fn start(&mut self, browser: &mut Browser) {
        let started = browser.opened_at_ns().and_then(|at_ns| {
            self.opened_at_ns = at_ns;
            browser.start_profiler(self.hertz)
        });
        self.refused = started.err().or(self.refused.take());
    }

    fn stop(&mut self, browser: &mut Browser, turn: &Turn, times: &[Told], requests: usize) {
        let read = browser
            .stop_profiler()
            .and_then(|profile| serde_json::from_value(profile).map_err(|error| error.to_string()));
        let profile: Profile = match read {
            Ok(profile) => profile,
            Err(reason) => {
                self.refused.get_or_insert(reason);
                return;
            }
        };
        let intervals = intervals(turn, times, requests, self.opened_at_ns);
        self.samples.add(&profile, &intervals);
    }

    fn finish(self, scratch: &Path) -> Result<Profiled, Failure> {
        match self.refused {
            Some(reason) => Ok(Profiled::Impossible { reason }),
            None => self
                .samples
                .write(&scratch.join("profile.jsonl"))
                .map_err(|error| Failure::new(FailureKind::Storage, "sampling", error.to_string())),
        }
    }
}

/// When each phase of each request of a marked series was, by the clock of
/// profiles.
fn intervals(turn: &Turn, times: &[Told], requests: usize, opened_at_ns: f64) -> Vec<Interval> {
    let Some(series) = turn.series else { return Vec::new() };
    let of_series = times.get(turn.answers.len()..).unwrap_or_default();
    let unit = 1 + series.marks as usize;
    let at_ns = |ns: u64| whole(opened_at_ns + ns as f64);
    let pairs = of_series.windows(2).take(series.count as usize * unit).enumerate();
    let interval = |(position, pair): (usize, &[Told])| {
        Some(Interval {
            request: u32::try_from((series.first as usize + position / unit) % requests.max(1))
                .ok()?,
            phase: *RequestPhase::ALL.get(position % unit)?,
            from_ns: at_ns(pair[0].answered_ns),
            until_ns: at_ns(pair[1].entered_ns),
        })
    };
    pairs.filter_map(interval).collect()
}

/// Gives each stretch of a series that the page's clock does not resolve its
/// mean: a browser's clock goes in steps, and only the sum of many stretches
/// is more than a few of them.
fn spread(turn: &Turn, times: &mut [Told], step_ns: f64) {
    let Some(series) = turn.series else { return };
    let of_series = times.get_mut(turn.answers.len()..).unwrap_or_default();
    let unit = 1 + series.marks as usize;
    let took = |before: Told, told: Told| told.copied_ns.saturating_sub(before.answered_ns);
    for part in 0..unit {
        let positions = (part + 1..of_series.len()).step_by(unit);
        let sum: u64 = positions.clone().map(|at| took(of_series[at - 1], of_series[at])).sum();
        let mean_ns = sum as f64 / positions.len().max(1) as f64;
        if mean_ns >= STEPS * step_ns {
            continue;
        }
        for (index, at) in positions.enumerate() {
            // Rounded so that the sum stays what it was.
            let until = |count: usize| whole(mean_ns * count as f64);
            let until_ns = of_series[at - 1].answered_ns + until(index + 1) - until(index);
            of_series[at].entered_ns = until_ns;
            of_series[at].copied_ns = until_ns;
        }
    }
}

impl Measuring {
    /// The first response is there: what was before it, and what the page
    /// tells of that.
    fn opened(&mut self, said: &Said, browser: &mut Browser) -> Result<(), Failure> {
        self.replay.begin_at(0);
        for (phase, at_ms) in &said.phases {
            self.replay.begin(*phase, whole((at_ms + said.since_opened) * 1e6));
        }
        let facts = browser.evaluate("facts()").and_then(|facts| {
            serde_json::from_value::<Facts>(facts).map_err(|error| error.to_string())
        });
        let facts = facts.map_err(|reason| failed(FailureKind::Runner, reason))?;
        let traffic = said.traffic.and(facts.traffic.unwrap_or_default());
        self.page = Some(Page {
            blocked_ns: whole(facts.longest_task * 1e6),
            clock_step_ns: whole(said.clock_step * 1e6),
            is_isolated: said.is_isolated,
            transferred_bytes: traffic.transferred,
            encoded_bytes: traffic.encoded,
            decoded_bytes: traffic.decoded,
        });
        Ok(())
    }

    fn requests_count(&mut self) -> usize {
        self.replay.requests().len()
    }
}

impl Director for Measuring {
    fn opening(&self) -> &Turn {
        self.replay.turn()
    }

    fn requests(&mut self) -> Vec<Arc<[u8]>> {
        self.replay.requests().to_vec()
    }

    fn entered(&self, phase: ColdPhase) {
        self.replay.entered(phase);
    }

    fn take(&mut self, told: &Record<'_>, browser: &mut Browser) -> Result<Option<Turn>, Failure> {
        let Record { said, printed, times, messages } = told;
        self.linear_memory_bytes = said.memory_bytes;
        if self.page.is_none() {
            self.opened(said, browser)?;
            // As a workload's words go on every runtime: to whoever watches.
            let _ = std::io::Write::write_all(&mut std::io::stdout(), printed);
        }
        let turn = self.replay.turn().clone();
        let is_profiled = turn.series.is_some_and(|it| it.is_profiled);
        let requests = self.requests_count();
        if let Some(sampler) = self.sampler.as_mut().filter(|_| is_profiled) {
            sampler.stop(browser, &turn, times, requests);
        }
        let mut times = times.clone();
        spread(&turn, &mut times, said.clock_step * 1e6);
        let heard = messages.iter().copied().zip(times.iter().copied());
        let goes_on = self.replay.take(heard);
        // What the session knows of a failure comes first.
        let during = self.replay.stage();
        self.trouble = said.ended.clone().map(|it| it.told(self.limits, during));
        match goes_on {
            Err(Over) | Ok(false) => Ok(None),
            Ok(true) => {
                let next = self.replay.turn().clone();
                if let Some(sampler) = self.sampler.as_mut()
                    && next.series.is_some_and(|it| it.is_profiled)
                {
                    sampler.start(browser);
                }
                Ok(Some(next))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP_NS: f64 = 5_000.0;

    fn turn(count: u32, marks: u32) -> Turn {
        let series = Series { first: 0, count, marks, is_profiled: false };
        Turn::going_on(vec![b"import".as_slice().into(), b"plain".as_slice().into()], Some(series))
    }

    /// Messages that came when they came, copied and answered at once.
    fn told(at_ns: &[u64]) -> Vec<Told> {
        let at = |ns: &u64| Told { entered_ns: *ns, copied_ns: *ns, answered_ns: *ns };
        at_ns.iter().map(at).collect()
    }

    fn walls(times: &[Told]) -> Vec<u64> {
        times.windows(2).map(|it| it[1].copied_ns - it[0].answered_ns).collect()
    }

    #[test]
    fn what_the_clock_does_not_resolve_gets_the_mean_of_its_series() {
        let mut times = told(&[0, 0, 0, 5_000, 5_000, 10_000]);
        spread(&turn(3, 0), &mut times, STEP_NS);
        assert_eq!(walls(&times[2..]), [3_333, 3_334, 3_333]);
    }

    #[test]
    fn what_it_resolves_is_left_as_it_was() {
        let mut times = told(&[0, 0, 0, 200_000, 300_000, 600_000]);
        spread(&turn(3, 0), &mut times, STEP_NS);
        assert_eq!(walls(&times[2..]), [200_000, 100_000, 300_000]);
    }

    #[test]
    fn marked_phases_get_each_their_own_mean() {
        // Deliver and collect under a step, infer many.
        let one = [5_000, 0, 400_000, 5_000, 0];
        let other = [0, 5_000, 600_000, 0, 5_000];
        let mut at_ns = vec![0, 0, 0];
        for took in one.into_iter().chain(other) {
            at_ns.push(at_ns[at_ns.len() - 1] + took);
        }
        let mut times = told(&at_ns);
        spread(&turn(2, 4), &mut times, STEP_NS);
        let walls = walls(&times[2..]);
        assert_eq!(walls[..5], [2_500, 2_500, 400_000, 2_500, 2_500]);
        assert_eq!(walls[5..], [2_500, 2_500, 600_000, 2_500, 2_500]);
    }

    #[test]
    fn phases_are_where_the_guest_was_between_its_messages() {
        let times = told(&[0, 0, 10, 20, 30, 70, 80, 90]);
        let found = intervals(&turn(1, 4), &times, 3, 1_000.0);
        let found: Vec<_> = found.iter().map(|it| (it.phase, it.from_ns, it.until_ns)).collect();
        assert_eq!(found[2], (RequestPhase::Infer, 1_030, 1_070));
        assert_eq!(found.len(), 5);
    }
}
