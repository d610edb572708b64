//! The tiers: one engine, under different conditions of the page.

use wasmfit_kit::protocol::{Boundary, Interpreter, Refusal, Refused, Tier};

/// How the guest's page is opened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Conditions {
    /// Whether the guest runs in a worker, or in the page's own thread.
    pub(crate) is_in_worker: bool,
    /// Whether PyScript opens the interpreter.
    pub(crate) by_pyscript: bool,
    /// Whether the page had been open before, in the same browser: files and
    /// compiled code are then in its caches.
    pub(crate) is_revisit: bool,
    /// How slow the network is; none where it is this machine's own.
    pub(crate) network: Option<Network>,
}

/// A network as the browser is to pretend one. Figures are those of
/// WebPageTest's connectivity profiles of these names (docs.webpagetest.org).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Network {
    /// Round trip, ms.
    pub(crate) latency_ms: f64,
    /// Bytes per second to the browser.
    pub(crate) down: f64,
    /// Bytes per second from it.
    pub(crate) up: f64,
}

impl Network {
    const fn of_kilobits(down: u32, up: u32, latency_ms: u32) -> Self {
        const BYTES: f64 = 1000.0 / 8.0;
        Self { latency_ms: latency_ms as f64, down: down as f64 * BYTES, up: up as f64 * BYTES }
    }
}

const HERE: Conditions =
    Conditions { is_in_worker: true, by_pyscript: false, is_revisit: false, network: None };

const fn over(network: Network) -> Conditions {
    Conditions { network: Some(network), ..HERE }
}

/// Each tier, and what is special about it beside `worker`.
const TIERS: [(&str, &str, Conditions); 7] = [
    ("worker", "a browser, beside the runtimes of servers", HERE),
    (
        "main-thread",
        "a browser in whose page all stands still meanwhile",
        Conditions { is_in_worker: false, ..HERE },
    ),
    (
        "worker-revisit",
        "a browser that has had the page open before",
        Conditions { is_revisit: true, ..HERE },
    ),
    (
        "pyscript",
        "a browser in whose page PyScript opens the interpreter",
        Conditions { is_in_worker: false, by_pyscript: true, ..HERE },
    ),
    ("worker-cable", "a browser behind 5 Mbit/s", over(Network::of_kilobits(5000, 1000, 28))),
    ("worker-4g", "a browser behind 9 Mbit/s", over(Network::of_kilobits(9000, 9000, 170))),
    ("worker-fast-3g", "a browser behind 1.6 Mbit/s", over(Network::of_kilobits(1600, 768, 150))),
];

impl Conditions {
    /// The guests that nothing can be done with, and why.
    fn refused(self) -> Vec<Refusal> {
        let refusal = |guests, reason: &str| Refusal { guests, reason: reason.to_owned() };
        let mut refused = vec![refusal(
            Refused::Boundary(Boundary::Stdio),
            "a command waits for its standard input, and nothing in a browser may wait: guests that call the host can be measured",
        )];
        if self.by_pyscript {
            refused.push(refusal(
                Refused::Boundary(Boundary::HostCall),
                "PyScript opens interpreters that have JavaScript of their own around them",
            ));
            refused.push(refusal(
                Refused::Interpreter(Interpreter::OnnxRuntime),
                "PyScript opens interpreters of Python, and a model needs none: chromium/worker",
            ));
        }
        if self.by_pyscript || self.is_in_worker {
            refused.push(refusal(
                Refused::Interpreter(Interpreter::Brython),
                "it is measured as pages have it, in their own thread: chromium/main-thread",
            ));
        }
        refused
    }

    /// Those of a tier.
    pub(crate) fn of(tier: &str) -> Option<Self> {
        TIERS.iter().find(|(name, ..)| *name == tier).map(|(_, _, conditions)| *conditions)
    }
}

/// As the harness is told of them: each is measured only when it is named.
pub(crate) fn all() -> Vec<Tier> {
    let tier = |(name, why, conditions): (&str, &str, Conditions)| Tier {
        opt_in: Some(why.to_owned()),
        refuses: conditions.refused(),
        ..Tier::new(name)
    };
    TIERS.map(tier).into()
}
