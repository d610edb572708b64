//! Conversations that are held in another process, a turn at a time.
//!
//! A guest in a browser cannot wait for an answer of this process's: each
//! would take longer than most requests. So it is given what it will be told
//! for a whole turn, answers itself by the clock it has, and what it said and
//! when is told to the session afterwards, which decides and keeps the same
//! as in any other conversation. A turn is one call of the guest's: in it the
//! driver serves, and is told to stop at its end.

use std::sync::Arc;

use wasmfit_protocol::{ColdPhase, Failure, FailureKind, RequestPhase};

use super::{BurstKind, Over, Session, Stage, Step, Told, nothing, order};

/// A guest that has stopped goes on: what it served with is still there.
pub const GO_ON: &str = "served = serve(*served[:3])\n";

/// How long a burst of the profile pass takes here. To start a profiler in
/// another process is an order of its own, and it first notes all code that
/// is there.
const PROFILE_BURST_NS: u64 = 400_000_000;

/// Marks of a request: one behind each of its phases but the last.
#[allow(clippy::cast_possible_truncation, reason = "there are five phases")]
const MARKS: u32 = RequestPhase::ALL.len() as u32 - 1;

/// A session whose guest is elsewhere.
#[derive(Debug)]
pub struct Replay {
    session: Session,
    turn: Turn,
    /// Messages of the turn that the session has answered before.
    answered: usize,
}

/// What the guest is told in one turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What it is to run: Python source.
    pub program: String,
    /// The answers to its messages, in order.
    pub answers: Vec<Arc<[u8]>>,
    /// The cold-start phase that each of them begins, as far as they do.
    pub phases: Vec<ColdPhase>,
    /// The requests that follow; an order to stop comes behind them, or else
    /// behind the answers.
    pub series: Option<Series>,
}

/// Requests, in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// The number of the first request, counted on: modulo how many there are.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// How many empty answers follow each: the guest marks where its phases
    /// end.
    pub marks: u32,
    /// Whether they are to be profiled.
    pub is_profiled: bool,
}

impl Turn {
    /// That of a guest which has stopped, and begins again by being told what
    /// to import.
    #[must_use]
    pub fn going_on(answers: Vec<Arc<[u8]>>, series: Option<Series>) -> Self {
        Self { program: GO_ON.into(), answers, phases: Vec::new(), series }
    }

    /// How many messages it has, the one behind which the guest stops
    /// included.
    fn messages(&self) -> usize {
        let served = self.series.map_or(0, |it| it.count as usize * (1 + it.marks as usize));
        self.answers.len() + served + 1
    }
}

impl Replay {
    /// Has `session` learn what its guest says from what it is told.
    #[must_use]
    pub fn new(mut session: Session) -> Self {
        session
            .work
            .measuring()
            .into_iter()
            .for_each(|it| it.profile_in_bursts_of(PROFILE_BURST_NS));
        let turn = session.opening();
        Self { session, turn, answered: 0 }
    }

    /// Ends what came before the guest's own cold start, which begins at
    /// `at_ns` by the clock of whoever answers it.
    pub fn begin_at(&mut self, at_ns: u64) {
        self.session.begin_anew(at_ns);
    }

    /// A cold-start phase began at `at_ns`.
    pub fn begin(&mut self, phase: ColdPhase, at_ns: u64) {
        self.session.begin_at(phase, at_ns);
    }

    /// The guest has entered a phase: where a hung one hangs. What is told
    /// late, when a later one has been told of, changes nothing.
    pub fn entered(&self, phase: ColdPhase) {
        let events = &self.session.events;
        if matches!(events.stage(), Stage::Cold(before) if before < phase) {
            events.enter(Stage::Cold(phase));
        }
    }

    /// Where the job stands.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        self.session.events.stage().name()
    }

    /// The turn that the guest is to take; the first ends with the first
    /// response.
    #[must_use]
    pub const fn turn(&self) -> &Turn {
        &self.turn
    }

    /// All requests, once the first response is there.
    #[must_use]
    pub fn requests(&mut self) -> &[Arc<[u8]>] {
        self.session.work.measuring().map_or(&[], |it| it.upcoming(super::Pass::Plain).1)
    }

    /// Takes what the guest said in its turn. Says whether there is another.
    ///
    /// # Errors
    ///
    /// [`Over`] when the job has failed.
    pub fn take<'a>(
        &mut self,
        heard: impl ExactSizeIterator<Item = (&'a [u8], Told)>,
    ) -> Result<bool, Over> {
        let is_whole = heard.len() == self.turn.messages();
        let mut next = None;
        for (position, (message, told)) in heard.enumerate() {
            // A report of failure may come in the place of any message.
            let is_report = message.starts_with(&self.session.token);
            if position < self.answered && !is_report {
                continue;
            }
            if let Some(answer) = next.take()
                && answer != self.expected(position - 1)
            {
                return Err(self.lost());
            }
            self.session.told = Some(told);
            next = Some(self.session.answer(message)?);
        }
        match next {
            Some(order) if is_whole => Ok(self.go_on(order)),
            // Why, whoever ran the guest knows.
            _ => Err(Over),
        }
    }

    /// The session, when the guest has ended.
    #[must_use]
    pub fn into_session(self) -> Session {
        self.session
    }

    /// What the guest was told behind the message at `position`.
    fn expected(&mut self, position: usize) -> Arc<[u8]> {
        if let Some(answer) = self.turn.answers.get(position) {
            return Arc::clone(answer);
        }
        let Some(Series { first, marks, .. }) = self.turn.series else { return nothing() };
        let (index, unit) = (position - self.turn.answers.len(), 1 + marks as usize);
        let requests = self.requests();
        if index % unit == 0 && !requests.is_empty() {
            Arc::clone(&requests[(first as usize + index / unit) % requests.len()])
        } else {
            nothing()
        }
    }

    /// Makes the next turn of what the session orders.
    fn go_on(&mut self, order: Arc<[u8]>) -> bool {
        let is_there = self.session.step_is_open();
        let answers = vec![self.session.import_order(), order];
        // Both come before anything that the session waits for.
        self.answered = answers.len();
        let series = self.session.series();
        self.turn = Turn::going_on(answers, series);
        is_there
    }

    fn lost(&mut self) -> Over {
        let message = "the guest was told something else than it should have been";
        let stage = self.session.events.stage().name();
        self.session.fail(Failure::new(FailureKind::Runner, stage, message))
    }
}

impl Session {
    /// All that a guest is told up to its first response: what the answers to
    /// it will be.
    fn opening(&mut self) -> Turn {
        let first =
            self.work.measuring().and_then(|it| it.upcoming(super::Pass::Cold).1.first().cloned());
        Turn {
            program: self.program.clone(),
            answers: vec![
                self.import_order(),
                self.load_order(),
                order("plain 1"),
                first.unwrap_or_else(nothing),
            ],
            phases: vec![ColdPhase::Import, ColdPhase::ModelLoad, ColdPhase::FirstRequest],
            series: None,
        }
    }

    fn step_is_open(&self) -> bool {
        !matches!(self.step, Step::Over)
    }

    /// The burst that has been ordered.
    fn series(&mut self) -> Option<Series> {
        let Step::Burst(burst) = &self.step else { return None };
        let (kind, count) = (burst.kind, burst.left);
        let marks = if kind.is_marked() { MARKS } else { 0 };
        let first = self.work.measuring().map_or(0, |it| it.served(kind.pass()));
        Some(Series { first, count, marks, is_profiled: kind == BurstKind::Profile })
    }
}
