//! The page on which readers measure.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use wasmfit_record::RunDirectory;
use wasmfit_reports::{Live, Programs, publish};

use super::{HOSTILE, case, native, pair};

/// A guest of which one file packs well, and another does not.
fn live(folder: &Path) -> Live {
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let code = file("workload.py", b"code");
    Live {
        guest: "cpython-3.15".into(),
        title: HOSTILE.into(),
        module: file("python.wasm", &[0; 10_000]),
        library: BTreeMap::from([("/usr/local/lib/a.zip".into(), file("a.zip", b"zip"))]),
        invocation: json!({ "arguments": [] }),
        programs: Programs { opening: "opening".into(), going_on: "going on".into() },
        workload: "/workload",
        probes: vec![("exception handling", b"\0asm".to_vec())],
        shim: BTreeMap::from([
            ("index.js".into(), file("index.js", b"export {};")),
            ("LICENSE-MIT".into(), file("LICENSE-MIT", b"MIT")),
        ]),
        workloads: BTreeMap::from([(
            "w".to_owned(),
            Ok(BTreeMap::from([("/workload/workload.py".into(), code)])),
        )]),
    }
}

/// A site of one run, whose requests and responses are there if they are
/// wanted.
fn site(folder: &Path, has_responses: bool, live: &Live) -> (String, Value) {
    let mut fixture = pair(6, 50);
    fixture.run.environment.cpu = HOSTILE.into();
    let run = folder.join("run");
    fixture.save(&run);
    if has_responses {
        fs::write(RunDirectory::requests_of(&run, &case()), "requests").unwrap();
        fs::write(RunDirectory::responses_of(&run, &case(), &native()), "responses").unwrap();
    }
    let site = folder.join("site");
    publish(&[run], Some(live), &site).unwrap();
    let data = fs::read(site.join("live/data.json")).unwrap();
    let page = fs::read_to_string(site.join("live/index.html")).unwrap();
    (page, serde_json::from_slice(&data).unwrap())
}

#[test]
fn a_live_page_has_ours_and_what_readers_need() {
    let folder = tempfile::tempdir().unwrap();
    let (page, data) = site(folder.path(), true, &live(folder.path()));
    assert!(page.contains("<tr data-case=\"w\">"));
    // As the fixture has it, native and three times as long.
    let row = page.lines().find(|it| it.starts_with("<tr data-case=\"w\">")).unwrap();
    assert_eq!(row.matches(" µs").count(), 3, "both medians, and native's interval: {row}");
    assert!(row.contains("<small>3.0") || row.contains("<small>2.9"), "{row}");
    assert!(page.contains("wasmtime/cranelift<small>ours"), "the guest goes without saying");
    assert!(!page.contains(HOSTILE), "escaped");
    assert_eq!(data["module"]["packed"], true);
    assert_eq!(data["library"]["/usr/local/lib/a.zip"]["packed"], false);
    let native_ms = data["cases"][0]["nativeMs"].as_f64().unwrap();
    assert!((0.045..0.055).contains(&native_ms), "{native_ms}");
    assert_eq!(data["cases"][0]["tolerance"]["format"], "f32");
    assert_eq!(data["programs"]["goingOn"], "going on");
    // Whatever the page opens with is kept, and licences need not be.
    let service = fs::read_to_string(folder.path().join("site/live/service.js")).unwrap();
    assert!(!service.contains("{{"));
    assert!(service.contains("\"./\"") && service.contains("\"wasi/index.js\""));
    assert!(!service.contains("LICENSE"));
}

#[test]
fn a_live_page_says_what_it_leaves_out() {
    let folder = tempfile::tempdir().unwrap();
    let (page, data) = site(folder.path(), false, &live(folder.path()));
    assert!(page.contains("native CPython was not measured"));
    assert_eq!(data["cases"], json!([]));
    let reason = "guest cpython-3.15 has no torch";
    let mut live = live(folder.path());
    live.workloads.insert("w".into(), Err(reason.into()));
    let folder = tempfile::tempdir().unwrap();
    let (page, _) = site(folder.path(), true, &live);
    assert!(page.contains(reason));
}

#[test]
fn what_a_live_page_is_allowed_is_little() {
    let folder = tempfile::tempdir().unwrap();
    let (page, _) = site(folder.path(), true, &live(folder.path()));
    assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
    assert!(!page.contains("unsafe-inline") && !page.contains("'unsafe-eval'"));
    assert!(!page.contains("http://") && !page.contains("https://"));
    assert!(!page.contains("<script>") && !page.contains(" style="));
}
