//! Which functions of a guest were reached, as a module that
//! `wasm-split --instrument --in-secondary-memory` has made counts it.
//!
//! It imports a shared memory for the counters and exports
//! `__write_profile(ptr, len) -> i32`, which writes them to its own memory
//! and returns how long they are; where `len` is less, it writes nothing.

use std::fs;
use std::path::Path;

use wasmtime::{ExternType, Instance, Linker, Module, SharedMemory, Store};

use crate::guest::Host;
use crate::reactor::Door;

/// Gives an instrumented module its counters.
pub(crate) fn define_memory(
    linker: &mut Linker<Host<Door>>,
    module: &Module,
    store: &mut Store<Host<Door>>,
) -> wasmtime::Result<()> {
    for import in module.imports() {
        if let ExternType::Memory(kind) = import.ty()
            && kind.is_shared()
        {
            let memory = SharedMemory::new(store.engine(), kind)?;
            linker.define(&mut *store, import.module(), import.name(), memory)?;
        }
    }
    Ok(())
}

/// Writes the profile of an instrumented module to `path`; of another one
/// nothing.
pub(crate) fn write(
    store: &mut Store<Host<Door>>,
    instance: Instance,
    path: &Path,
) -> wasmtime::Result<()> {
    let Some(function) = instance.get_func(&mut *store, "__write_profile") else { return Ok(()) };
    let write_profile = function.typed::<(u32, u32), u32>(&*store)?;
    let host_alloc = instance.get_typed_func::<u32, u32>(&mut *store, "host_alloc")?;
    let length = write_profile.call(&mut *store, (0, 0))?;
    let pointer = host_alloc.call(&mut *store, length)?;
    write_profile.call(&mut *store, (pointer, length))?;
    let memory = instance.get_memory(&mut *store, "memory");
    let bytes = memory
        .as_ref()
        .and_then(|memory| memory.data(&*store).get(pointer as usize..)?.get(..length as usize));
    let bytes = bytes.ok_or_else(|| wasmtime::Error::msg("the profile lies outside of memory"))?;
    fs::write(path, bytes)?;
    Ok(())
}
