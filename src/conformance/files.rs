//! What a runner leaves in the scratch folder, and how the rows of a pass are
//! looked at.

use wasmfit_protocol::{FramesReader, Pass, Sample};
use wasmfit_record::read_launch_samples;

use super::Objection;
use super::conversation::Conversation;

/// The rows of `samples.csv`, or why they do not read.
pub(super) fn read_samples(conversation: &Conversation) -> Result<Vec<Sample>, String> {
    let path = conversation.scratch.join("samples.csv");
    read_launch_samples(&path).map_err(|error| error.to_string())
}

/// The same for checks that are about what the rows say.
pub(super) fn samples(conversation: &Conversation) -> Result<Vec<Sample>, Objection> {
    read_samples(conversation)
        .map_err(|_| Objection::NotTried("its samples.csv does not read".into()))
}

/// The frames of `responses.frames`, or why they do not read.
pub(super) fn responses(conversation: &Conversation) -> Result<Vec<Vec<u8>>, String> {
    let path = conversation.scratch.join("responses.frames");
    let read = FramesReader::open(&path).and_then(Iterator::collect);
    read.map_err(|error| error.to_string())
}

/// The rows of one pass, by request: those that follow each other with one
/// index.
pub(super) fn by_request(samples: &[Sample], pass: Pass) -> Vec<Vec<Sample>> {
    let rows: Vec<Sample> = samples.iter().copied().filter(|it| it.pass == pass).collect();
    rows.chunk_by(|one, next| one.index == next.index).map(<[Sample]>::to_vec).collect()
}

/// The wall time of all rows, ns.
pub(super) fn wall_ns(requests: &[Vec<Sample>]) -> u64 {
    requests.iter().flatten().map(|sample| sample.wall_ns).sum()
}
