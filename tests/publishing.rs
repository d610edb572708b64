//! `wasmfit publish --live`: what a site gets for readers who measure.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

mod world;

use std::fs;
use std::process::Output;

use serde_json::{Value, json};
use wasmfit_protocol::sha256;

use world::{World, error_lines};

const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A world with a run of two workloads, a guest of no functions and modules
/// for WASI.
fn measured() -> World {
    let world = World::new(&["a", "b"], &json!({}));
    let output = world.bench(&["--profile", "quick"]);
    assert!(world.path("run/run.json").is_file(), "{output:?}");
    guest(&world, "cpython-3.12", "host-call");
    let shim = world.path("cache/browser-wasi");
    fs::create_dir_all(&shim).expect("a folder");
    fs::write(shim.join("index.js"), "export {};").expect("a module");
    fs::write(shim.join("LICENSE-MIT"), "MIT").expect("a licence");
    world
}

fn guest(world: &World, name: &str, boundary: &str) {
    let folder = world.path("guests").join(name);
    fs::create_dir_all(folder.join("lib")).expect("a folder");
    fs::write(folder.join("python.wasm"), MODULE).expect("a module");
    fs::write(folder.join("lib/python.zip"), "library").expect("a library");
    let manifest = format!(
        "name = '{name}'\ntitle = 'A guest of nothing'\nsource = 'here'\npython = '3.15.0'\n\
         boundary = '{boundary}'\nproposals = ['exceptions']\n[packages]\n[files]\n\
         'python.wasm' = '{}'\n'lib/python.zip' = '{}'\n",
        sha256(MODULE),
        sha256(b"library"),
    );
    fs::write(folder.join("guest.toml"), manifest).expect("a manifest");
}

fn publish(world: &World, live: &str) -> Output {
    let mut command = world.command(&["publish", "run", "--out", "site", live]);
    command.env("WASMFIT_GUESTS", world.path("guests")).output().expect("wasmfit ran")
}

fn refusal(world: &World, live: &str) -> (Option<i32>, String) {
    let output = publish(world, live);
    (output.status.code(), error_lines(&output).join("\n"))
}

#[test]
fn a_live_site_has_all_that_a_reader_needs() {
    let world = measured();
    let output = publish(&world, "--live=cpython-3.12");
    assert!(output.status.success(), "{output:?}");
    let index = fs::read_to_string(world.path("site/index.html")).expect("an index");
    assert!(index.contains("href=\"live/index.html\""));
    let live = world.path("site/live");
    for name in ["index.html", "page.js", "worker.js", "guest.js", "service.js", "live.css"] {
        assert!(live.join(name).is_file(), "{name}");
    }
    for name in ["index.js", "LICENSE-MIT"] {
        assert!(live.join("wasi").join(name).is_file(), "{name}");
    }
    let data: Value =
        serde_json::from_slice(&fs::read(live.join("data.json")).expect("data")).expect("JSON");
    let cases = data["cases"].as_array().expect("cases");
    let names: Vec<_> = cases.iter().map(|it| it["case"].as_str().expect("a name")).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(data["probes"][0]["title"], "exception handling");
    let code = &cases[0]["files"]["/workload/workload.py"];
    for stored in [&data["module"], &data["library"]["/usr/local/lib/python.zip"], code] {
        let path = live.join(stored["address"].as_str().expect("an address"));
        assert_eq!(Some(fs::metadata(path).expect("a file").len()), stored["bytes"].as_u64());
    }
    // The same again is the same bytes, and what is no longer needed goes.
    let service = fs::read(live.join("service.js")).expect("a service");
    fs::write(live.join("files/old.bin"), "old").expect("written");
    assert!(publish(&world, "--live=cpython-3.12").status.success());
    assert_eq!(fs::read(live.join("service.js")).expect("a service"), service);
    assert!(!live.join("files/old.bin").exists());
}

#[test]
fn what_has_changed_since_the_run_is_left_out_and_said() {
    let world = measured();
    fs::write(world.path("workloads/a/workload.py"), "# another").expect("written");
    assert!(publish(&world, "--live=cpython-3.12").status.success());
    let page = fs::read_to_string(world.path("site/live/index.html")).expect("a page");
    assert!(page.contains("tolerance have changed since the run"));
    assert!(!page.contains("data-case=\"a\"") && page.contains("data-case=\"b\""));
    fs::write(world.path("workloads/b/workload.py"), "# another").expect("written");
    let (code, said) = refusal(&world, "--live=cpython-3.12");
    assert_eq!(code, Some(2));
    assert!(said.contains("no workload of the run can be served by guest cpython-3.12"), "{said}");
}

#[test]
fn a_guest_that_readers_cannot_run_is_refused_before_anything_is_written() {
    let world = measured();
    guest(&world, "by-pipe", "stdio");
    let (code, said) = refusal(&world, "--live=by-pipe");
    assert_eq!(code, Some(2));
    assert!(said.contains("the page calls guests over host-call"), "{said}");
    // None is named, and neither of the usual ones is here.
    let (code, said) = refusal(&world, "--live");
    assert_eq!(code, Some(3));
    assert!(said.contains("guest cpython-3.15: ") && said.contains("run scripts/setup"), "{said}");
    fs::remove_dir_all(world.path("cache/browser-wasi")).expect("removed");
    let (code, said) = refusal(&world, "--live=cpython-3.12");
    assert_eq!(code, Some(3));
    assert!(said.contains("WASI in a browser"), "{said}");
    assert!(!world.path("site").exists());
}
