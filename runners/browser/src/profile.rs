//! Profiles as V8's own sampler takes them, brought to the form of the kit's.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Deserialize;
use wasmfit_kit::plain_name;
use wasmfit_kit::protocol::{
    Place, ProfileError, ProfileRow, Profiled, RequestPhase, Taken, write_profile,
};

/// What is not the guest's: JavaScript of the page, and the browser itself.
const BROWSER: &str = "chromium";

/// Callers that are kept of a sample, as the kit's sampler keeps them.
const CALLERS: usize = 24;

/// `Profiler.Profile` of the DevTools protocol, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Profile {
    nodes: Vec<Node>,
    /// By the clock of the browser, µs.
    start_time: f64,
    samples: Vec<u32>,
    /// From each sample to the one before it, the first to the start, µs.
    time_deltas: Vec<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    id: u32,
    call_frame: CallFrame,
    #[serde(default)]
    children: Vec<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallFrame {
    function_name: String,
    url: String,
}

/// When the guest was in a phase of a request, by the browser's clock, ns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval {
    pub(crate) request: u32,
    pub(crate) phase: RequestPhase,
    pub(crate) from_ns: u64,
    pub(crate) until_ns: u64,
}

/// Everything sampled so far.
#[derive(Debug)]
pub(crate) struct Samples {
    /// The guest's module, as its places name it.
    module: String,
    counts: BTreeMap<(u32, RequestPhase, Vec<Place>), u64>,
    inside_ns: u64,
}

impl Samples {
    pub(crate) fn new(module: String) -> Self {
        Self { module, counts: BTreeMap::new(), inside_ns: 0 }
    }

    /// Adds the samples of a profile that fell into `intervals`, which are in
    /// order.
    pub(crate) fn add(&mut self, profile: &Profile, intervals: &[Interval]) {
        let stacks = Stacks::of(profile, &self.module);
        let mut sampled_us = profile.start_time;
        for (node, delta_us) in profile.samples.iter().zip(&profile.time_deltas) {
            sampled_us += delta_us;
            let at_ns = crate::visit::whole(sampled_us * 1e3);
            let after = intervals.partition_point(|it| it.from_ns <= at_ns);
            let Some(interval) = intervals[..after].last().filter(|it| at_ns < it.until_ns) else {
                continue;
            };
            let key = (interval.request, interval.phase, stacks.places(*node));
            *self.counts.entry(key).or_default() += 1;
        }
        self.inside_ns += intervals.iter().map(|it| it.until_ns - it.from_ns).sum::<u64>();
    }

    /// Writes the profile to `path`.
    pub(crate) fn write(&self, path: &Path) -> Result<Profiled, ProfileError> {
        let rows = self.counts.iter().map(|((request, phase, places), count)| ProfileRow {
            request: *request,
            phase: *phase,
            places: places.clone(),
            count: *count,
        });
        write_profile(path, &rows.collect::<Vec<_>>())?;
        Ok(Profiled::Taken(Taken {
            samples: self.counts.values().sum(),
            lost: 0,
            // The thread's time by the wall: a browser tells no processor time.
            own_cpu_ns: self.inside_ns,
            other_cpu_ns: 0,
            nameless: Vec::new(),
        }))
    }
}

/// The call tree of a profile, from its leaves.
struct Stacks<'a> {
    nodes: HashMap<u32, &'a Node>,
    parents: HashMap<u32, u32>,
    module: &'a str,
}

impl<'a> Stacks<'a> {
    fn of(profile: &'a Profile, module: &'a str) -> Self {
        let parents = profile.nodes.iter();
        let parents = parents.flat_map(|node| node.children.iter().map(|child| (*child, node.id)));
        Self {
            nodes: profile.nodes.iter().map(|node| (node.id, node)).collect(),
            parents: parents.collect(),
            module,
        }
    }

    /// A node's place, and those that called it.
    fn places(&self, node: u32) -> Vec<Place> {
        let up = std::iter::successors(Some(node), |id| self.parents.get(id).copied());
        let nodes = up.filter_map(|id| self.nodes.get(&id));
        nodes.take(1 + CALLERS).map(|node| self.place(&node.call_frame)).collect()
    }

    fn place(&self, frame: &CallFrame) -> Place {
        if !frame.url.starts_with("wasm://") {
            let symbol = Some(frame.function_name.clone()).filter(|it| !it.is_empty());
            return Place { object: BROWSER.to_owned(), symbol };
        }
        // V8's name for what the module does not name.
        let name = &frame.function_name;
        let is_named = !name.starts_with("wasm-function[") && !name.is_empty();
        let symbol = is_named.then(|| plain_name(name));
        Place { object: self.module.to_owned(), symbol }
    }
}
