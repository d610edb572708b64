//! A new guest for each request, so that none sees what another has left.
//!
//! The first guest serves the cold start and tells what is asked once. Every
//! later one is told to import the workload, to load its model and to serve one
//! request. A request begins before its guest is made and ends when that is
//! gone: what a new guest takes is part of it, in marked passes of `deliver` and
//! of `collect`.

use std::sync::Arc;

use super::{Burst, BurstKind, Ended, Over, Session, Step, order};

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) enum Lives {
    /// One guest serves all requests.
    #[default]
    One,
    /// The first of many.
    First,
    /// One that serves a request.
    Serving { request: Arc<[u8]>, told: Telling },
    /// It has been told to stop; this is what it has answered, if it was asked.
    Stopped { response: Option<Vec<u8>> },
}

/// What a guest is told next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Telling {
    Import,
    Load,
    Order,
    Request,
    /// Whatever the session says.
    Rest,
}

impl Session {
    /// Has a new guest serve each request, each made by what
    /// [`Session::live`] is given.
    #[must_use]
    pub fn in_lives(mut self) -> Self {
        self.lives = Lives::First;
        self
    }

    /// Whether the guest is not the first: its start is part of a request.
    pub(super) const fn is_reborn(&self) -> bool {
        !matches!(self.lives, Lives::One | Lives::First)
    }

    /// Has `live` make a guest and serve by it until it ends and is gone, and
    /// again for as long as there are to be others.
    pub fn live<E>(self, mut live: impl FnMut(Self) -> Result<Ended, E>) -> Result<Ended, E> {
        let (mut session, mut used) = (self, None);
        loop {
            let mut ended = live(session)?;
            used = used.max(ended.linear_memory_bytes);
            ended.linear_memory_bytes = used;
            if ended.trouble.is_some() || !ended.session.begins_another() {
                return Ok(ended);
            }
            session = ended.session;
        }
    }

    /// Whether another guest is to be made. A request has then begun.
    pub(super) fn begins_another(&mut self) -> bool {
        let Lives::Stopped { response } = &mut self.lives else { return false };
        let response = response.take().unwrap_or_default();
        let Ok(mut request) = self.answer_whole(&response) else { return false };
        if matches!(&self.step, Step::Burst(burst) if burst.flight.is_none()) {
            // It was the order that begins the next burst.
            let Ok(first) = self.answer_whole(&[]) else { return false };
            request = first;
        }
        let begins = matches!(self.step, Step::Burst(_));
        if begins {
            self.lives = Lives::Serving { request, told: Telling::Import };
        }
        begins
    }

    /// The answer to a guest that is one of many.
    pub(super) fn answer_in_life(&mut self, message: &[u8]) -> Result<Arc<[u8]>, Over> {
        if message.starts_with(&self.token) {
            return Err(self.fail_as_told(&message[self.token.len()..]));
        }
        let Lives::Serving { request, told } = &mut self.lives else {
            let answer = self.answer_whole(message)?;
            // What is served besides the first request, later guests serve.
            return Ok(match self.step {
                Step::Burst(Burst { kind, flight: None, .. }) if kind != BurstKind::First => {
                    self.lives = Lives::Stopped { response: None };
                    order("stop")
                }
                _ => answer,
            });
        };
        let telling = *told;
        *told = match telling {
            Telling::Import => Telling::Load,
            Telling::Load => Telling::Order,
            Telling::Order => Telling::Request,
            Telling::Request | Telling::Rest => Telling::Rest,
        };
        match telling {
            Telling::Import => Ok(self.import_order()),
            Telling::Load => Ok(self.load_order()),
            Telling::Order => Ok(order(&format!("{} 1", self.order_name()))),
            Telling::Request => Ok(request.clone()),
            Telling::Rest if self.awaits_mark() => self.answer_whole(message),
            Telling::Rest => {
                self.lives = Lives::Stopped { response: Some(message.to_vec()) };
                Ok(order("stop"))
            }
        }
    }
}
