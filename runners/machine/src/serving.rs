//! The conversation with the session: what `driver.py` does, for a kernel.

use std::sync::Arc;

use wasmfit_kit::{Over, Session};

use crate::kernel::{Kernel, Model, Response};

/// Why a kernel has served no further: which of its functions gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// It was told to, or the job is over.
    Over,
    /// `kernel_load` gave no model.
    NoModel,
    /// One of the others gave nothing.
    Nothing(&'static str),
    /// It was asked for what compiled code does not do.
    Unasked,
}

impl From<Over> for Stopped {
    fn from(Over: Over) -> Self {
        Self::Over
    }
}

/// Serves until the kernel is told to stop, or cannot.
pub(crate) fn serve(session: &mut Session, kernel: &Kernel) -> Stopped {
    let mut serving = Serving { session, kernel, model: None, response: None };
    loop {
        if let Err(stopped) = serving.follow_order() {
            return stopped;
        }
    }
}

struct Serving<'a> {
    session: &'a mut Session,
    kernel: &'a Kernel,
    model: Option<Model>,
    /// Of the last request, until it has been told.
    response: Option<Response>,
}

impl Serving<'_> {
    fn follow_order(&mut self) -> Result<(), Stopped> {
        let order = self.tell()?;
        let order = String::from_utf8_lossy(&order);
        let (name, rest) = order.split_once(' ').unwrap_or((&order, ""));
        match name {
            // The code is loaded, and has no packages whose versions there were
            // to tell.
            "import" | "versions" => Ok(()),
            "load" => {
                self.model = Some(self.kernel.load(rest).ok_or(Stopped::NoModel)?);
                Ok(())
            }
            "plain" | "phase" => {
                let count = rest.parse().map_err(|_| Stopped::Unasked)?;
                self.serve_requests(count, name == "phase")
            }
            "stop" => Err(Stopped::Over),
            _ => Err(Stopped::Unasked),
        }
    }

    fn serve_requests(&mut self, count: u32, is_marked: bool) -> Result<(), Stopped> {
        let (kernel, model) = (self.kernel, self.model.ok_or(Stopped::NoModel)?);
        for _ in 0..count {
            let request = self.tell()?;
            self.mark(is_marked)?;
            let input = kernel.decode(model, &request).ok_or(Stopped::Nothing("kernel_decode"))?;
            self.mark(is_marked)?;
            let output = kernel.infer(model, input).ok_or(Stopped::Nothing("kernel_infer"))?;
            self.mark(is_marked)?;
            let response = kernel.encode(output).ok_or(Stopped::Nothing("kernel_encode"))?;
            self.mark(is_marked)?;
            self.response = Some(response);
        }
        Ok(())
    }

    /// Tells the response at hand, if there is one, and hears what follows.
    fn tell(&mut self) -> Result<Arc<[u8]>, Stopped> {
        let response = self.response.take();
        Ok(self.session.answer(response.as_ref().map_or(&[], Response::bytes))?)
    }

    fn mark(&mut self, is_marked: bool) -> Result<(), Stopped> {
        if is_marked {
            self.session.answer(&[])?;
        }
        Ok(())
    }
}
