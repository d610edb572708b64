//! What is written about the protocol is what its types read and write.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wasmfit_protocol::{Event, Job, ProfileRow, Task, VERSION};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The blocks of JSON on a page.
fn examples(page: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).expect("a page");
    let blocks = text.split("```json\n").skip(1);
    blocks.filter_map(|block| block.split_once("```")).map(|(json, _)| json.to_owned()).collect()
}

/// Whether an example reads as a `T`, with every field that it has.
fn is<T: DeserializeOwned + Serialize>(example: &Value) -> bool {
    let Ok(read) = serde_json::from_value::<T>(example.clone()) else { return false };
    let written = serde_json::to_value(read).expect("JSON");
    holds(&written, example)
}

/// Whether `whole` has all that `part` has; a field that is null may be left
/// out.
fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part.iter().all(|(name, value)| {
            whole.get(name).map_or(value.is_null(), |other| holds(other, value))
        }),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len()
                && whole.iter().zip(part).all(|(one, other)| holds(one, other))
        }
        _ => whole == part,
    }
}

#[test]
fn every_example_is_of_the_protocol() {
    for page in ["docs/runners.md", "runners/protocol/README.md"] {
        let examples = examples(page);
        assert!(examples.len() > 8, "{page}");
        for example in examples {
            let value: Value = serde_json::from_str(&example).expect(&example);
            let is_one =
                [is::<Job>, is::<Task>, is::<Event>, is::<ProfileRow>].iter().any(|is| is(&value));
            assert!(is_one, "{page}: {example}");
            let protocol = value.get("protocol").and_then(Value::as_u64);
            assert!(protocol.is_none_or(|it| it == u64::from(VERSION)), "{page}: {example}");
        }
    }
}

/// `UPDATE_SCHEMAS=1 cargo test -p wasmfit-protocol` writes them again.
#[test]
fn the_schemas_that_are_shipped_are_those_of_the_types() {
    let schemas =
        [("job.json", schemars::schema_for!(Job)), ("event.json", schemars::schema_for!(Event))];
    for (name, schema) in schemas {
        let path = root().join("docs/schemas").join(name);
        let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &text).expect("written");
        }
        assert!(fs::read_to_string(&path).is_ok_and(|shipped| shipped == text), "{name}");
    }
}
