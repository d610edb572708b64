//! The guests of the lab's ways between components: Python as a component that
//! imports the lab (boundary/component), whose other end is the host, or a
//! component compiled from C that is composed with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, plug};
use wasmfit_protocol::{Boundary, Interpreter, Proposal, Start, sha256};
use wasmfit_record::Making;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::{PYTHON, pack, scratch};
use crate::compiler::{Compiler, installed};
use crate::draft::Draft;
use crate::guests::{Manifest, driver_sha256};
use crate::making::in_words;
use crate::places::Places;

/// The guest whose lab is the host.
const BY_HOST: &str = "component-3.14";

/// The guest whose lab is another component.
const COMPOSED: &str = "component-3.14-composed";

const LAB_WORLD: &str = include_str!("../../boundary/component/lab.wit");
const COMPILED: &str = include_str!("../../boundary/component/lab.c");

/// What is in place of a workload when they are made.
const IMPORTS: &str = include_str!("../../boundary/component/workload.py");

/// The world of what is compiled.
const COMPILED_WORLD: &str = "compiled";

/// How C is compiled that needs neither WASI nor a C library.
const ZIG: [&str; 7] =
    ["cc", "-target", "wasm32-freestanding", "-O3", "-nostdlib", "-Wl,--no-entry", "-s"];

/// Where a made one says what it was made of.
const NOTE: &str = "made-of.sha256";

/// Whether a guest is one of them.
pub(crate) fn is_one(guest: &str) -> bool {
    [BY_HOST, COMPOSED].contains(&guest)
}

/// Makes both, unless they are there as they would be made; an error says in
/// one line why they cannot be.
pub(crate) fn ensure(places: &Places) -> Result<(), String> {
    let texts = [super::identity(), LAB_WORLD.into(), COMPILED.into(), IMPORTS.into()].concat();
    let made_of = sha256(format!("{texts}{ZIG:?}{}", installed(places)).as_bytes());
    let is_there = |name: &&str| {
        let note = fs::read_to_string(places.guests.join(name).join(NOTE));
        note.is_ok_and(|note| note == made_of)
    };
    if [BY_HOST, COMPOSED].iter().all(is_there) {
        return Ok(());
    }
    let made = make(places)?;
    for (name, title, module) in [
        (BY_HOST, "the lab's values from the host", &made.by_host),
        (COMPOSED, "the lab's values from a component in C", &made.composed),
    ] {
        let title = format!("CPython {PYTHON} as a component, {title}");
        install(places, name, title, &made.by, module, &made_of)?;
    }
    Ok(())
}

/// Both components.
struct Made {
    by_host: Vec<u8>,
    composed: Vec<u8>,
    /// What made them.
    by: String,
}

fn make(places: &Places) -> Result<Made, String> {
    let folder = scratch()?;
    let [workload, module] = ["workload.py", "python.wasm"].map(|it| folder.path().join(it));
    fs::write(&workload, IMPORTS).map_err(|error| in_words(&workload, &error))?;
    let packed = pack(places, LAB_WORLD, folder.path(), &module)?;
    let by_host = fs::read(&module).map_err(|error| in_words(&module, &error))?;
    let (lab, zig) = compile(places, folder.path())?;
    let composed = compose(&by_host, lab)
        .map_err(|error| format!("the components do not fit each other: {error:#}"))?;
    Ok(Made { by_host, composed, by: format!("{}, {zig}", packed.by) })
}

/// The lab in C as a component, and what compiled it.
fn compile(places: &Places, folder: &Path) -> Result<(Vec<u8>, String), String> {
    let [source, module] = ["lab.c", "lab.wasm"].map(|it| folder.join(it));
    fs::write(&source, COMPILED).map_err(|error| in_words(&source, &error))?;
    let zig = || Compiler::zig(places);
    zig().arguments(&ZIG).hidden(&source).hidden("-o").hidden(&module).run()?;
    let (version, _) = zig().argument("version").run()?;
    let module = fs::read(&module).map_err(|error| in_words(&module, &error))?;
    let component =
        encode(module).map_err(|error| format!("the lab in C is no component: {error:#}"))?;
    Ok((component, format!("zig {}", version.trim())))
}

/// A module whose exports are those of the world, as a component.
fn encode(mut module: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("lab.wit", LAB_WORLD)?;
    let world = resolve.select_world(&[package], Some(COMPILED_WORLD))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default().module(&module)?.validate(true).encode()
}

/// `python` with its import of the lab satisfied by `lab`.
fn compose(python: &[u8], lab: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let python = Package::from_bytes("python", None, python, graph.types_mut())?;
    let lab = Package::from_bytes("lab", None, lab, graph.types_mut())?;
    let python = graph.register_package(python)?;
    let lab = graph.register_package(lab)?;
    plug(&mut graph, vec![lab], python)?;
    Ok(graph.encode(EncodeOptions::default())?)
}

/// Makes a component a guest.
fn install(
    places: &Places,
    name: &str,
    title: String,
    by: &str,
    module: &[u8],
    made_of: &str,
) -> Result<(), String> {
    let draft = Draft::of(places.guests.join(name), NOTE)?;
    let storage = |error: std::io::Error| in_words(draft.path(), &error);
    let file = draft.path().join(Start::Plain.module());
    fs::write(&file, module).map_err(storage)?;
    let sha256 = sha256(module);
    let manifest = Manifest {
        name: name.to_owned(),
        title,
        source: format!("boundary/component by {by}"),
        python: PYTHON.to_owned(),
        boundary: Boundary::Component,
        interpreter: Interpreter::Cpython,
        proposals: BTreeSet::from([Proposal::ComponentModel]),
        opt_in: Some("what typed values cost between components: wasmfit boundary".into()),
        files: BTreeMap::from([(Start::Plain.module().to_owned(), sha256.clone())]),
        made: Some(Making::of(name, &sha256, &driver_sha256())),
        ..Manifest::bare()
    };
    manifest.write(draft.path()).map_err(storage)?;
    fs::write(draft.path().join(NOTE), made_of).map_err(storage)?;
    draft.put_in_place().map(|_| ())
}
