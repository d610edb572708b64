//! What `wasm-split` leaves in place of a function that it has split off.
//!
//! Tables still name such a function, so there is a thunk that looks the real
//! one up in a table of its own, which the other half would fill. There is no
//! other half here: to look it up traps. Tens of thousands of thunks take
//! longer to load than the functions that are needed; a thunk that is just
//! `unreachable` traps too, and those of one type are merged into one function.
//! Its name is then to say so: a backtrace that named it after the function it
//! replaced, or another that does nothing but trap, would name the wrong one. Nor
//! does anybody need what is exported for the other half alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, Instruction, Module, NameMap, NameSection,
    RawSection,
};
use wasmparser::{
    BinaryReaderError, FunctionBody, KnownCustom, Name, NameSectionReader, Operator, Parser,
    Payload,
};

use super::calls::imported_functions;

/// What the trap in a thunk's place is called, before its index.
const LEFT_OUT: &str = "left_out_function_";

/// Has the thunks of `module`, which was split off `base`, trap by themselves,
/// and leaves out what `base` does not export.
pub(super) fn remove(module: &Path, base: &[u8]) -> Result<(), String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", module.display());
    let read = fs::read(module).map_err(|error| told(&error))?;
    let rewritten = exports(base).and_then(|kept| rewritten(&read, &kept));
    fs::write(module, rewritten.map_err(|error| told(&error))?).map_err(|error| told(&error))
}

/// Names the functions of `module` that do nothing but trap.
pub(super) fn name_traps(module: &Path) -> Result<(), String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", module.display());
    let read = fs::read(module).map_err(|error| told(&error))?;
    let renamed = renamed(&read).map_err(|error| told(&error))?;
    fs::write(module, renamed).map_err(|error| told(&error))
}

/// The names that a module exports.
fn exports(module: &[u8]) -> Result<BTreeSet<String>, BinaryReaderError> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ExportSection(exports) = payload? {
            return exports.into_iter().map(|it| Ok(it?.name.to_owned())).collect();
        }
    }
    Ok(BTreeSet::new())
}

fn rewritten(module: &[u8], kept: &BTreeSet<String>) -> Result<Vec<u8>, BinaryReaderError> {
    let mut written = Module::new();
    let (mut code, mut functions) = (CodeSection::new(), 0);
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ExportSection(exports) => {
                let mut section = ExportSection::new();
                for export in exports {
                    let export = export?;
                    if kept.contains(export.name) {
                        section.export(export.name, ExportKind::from(export.kind), export.index);
                    }
                }
                written.section(&section);
            }
            Payload::CodeSectionStart { count, .. } => functions = count,
            Payload::CodeSectionEntry(body) => {
                if is_thunk(&body)? {
                    let mut trap = Function::new([]);
                    trap.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
                    code.function(&trap);
                } else {
                    code.raw(body.as_bytes());
                }
                if code.len() == functions {
                    written.section(&code);
                }
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    written.section(&RawSection { id, data: &module[range] });
                }
            }
        }
    }
    Ok(written.finish())
}

fn renamed(module: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut written = Module::new();
    let mut index = imported_functions(module)?;
    let mut traps = BTreeSet::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        match &payload {
            Payload::CodeSectionEntry(body) => {
                if is_trap(body)? {
                    traps.insert(index);
                }
                index += 1;
            }
            Payload::CustomSection(section) if section.name() == "name" => {
                if let KnownCustom::Name(names) = section.as_known() {
                    written.section(&names_of(names, &traps)?);
                }
                continue;
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            written.section(&RawSection { id, data: &module[range] });
        }
    }
    Ok(written.finish())
}

/// The names of functions, which are all that anybody reads.
fn names_of(
    names: NameSectionReader<'_>,
    traps: &BTreeSet<u32>,
) -> Result<NameSection, BinaryReaderError> {
    let mut functions = NameMap::new();
    for name in names {
        let Name::Function(map) = name? else { continue };
        for naming in map {
            let naming = naming?;
            if traps.contains(&naming.index) {
                functions.append(naming.index, &format!("{LEFT_OUT}{}", naming.index));
            } else {
                functions.append(naming.index, naming.name);
            }
        }
    }
    let mut section = NameSection::new();
    section.functions(&functions);
    Ok(section)
}

/// Whether a function does nothing but call what a second table has for it.
fn is_thunk(body: &FunctionBody<'_>) -> Result<bool, BinaryReaderError> {
    let mut calls = false;
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::LocalGet { .. } | Operator::I32Const { .. } | Operator::End => {}
            Operator::CallIndirect { table_index, .. } if table_index > 0 => calls = true,
            _ => return Ok(false),
        }
    }
    Ok(calls)
}

/// Whether a function does nothing but trap.
fn is_trap(body: &FunctionBody<'_>) -> Result<bool, BinaryReaderError> {
    let mut operators = body.get_operators_reader()?;
    Ok(matches!(operators.read()?, Operator::Unreachable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thunks_trap_and_all_else_stays() {
        let text = |name: &str, of_thunk: &str| {
            format!(
                "(module (type (func)) (type (func (param i32) (result i32)))
                 (import \"host\" \"call\" (func $call (type 0)))
                 (table 1 funcref) (table 1 funcref)
                 (func ${name} (export \"thunk\") (type 1) {of_thunk})
                 (func $kept (export \"kept\") (type 1) (call_indirect (type 1) (local.get 0) (i32.const 0)))
                 (memory 1) (data (i32.const 0) \"x\"))"
            )
        };
        let thunk = "(call_indirect 1 (type 1) (local.get 0) (i32.const 7))";
        let module = wat::parse_str(text("known", thunk)).expect("a module");
        let expected = wat::parse_str(text("left_out_function_1", "(unreachable)"));
        let expected = expected.expect("a module");
        let kept = exports(&module).expect("exports");
        let without = rewritten(&module, &kept).expect("rewritten");
        assert_eq!(renamed(&without).expect("renamed"), expected);
        assert_eq!(renamed(&expected).expect("renamed"), expected, "nothing to do");
        let only = BTreeSet::from(["kept".to_owned()]);
        let fewer = rewritten(&module, &only).expect("rewritten");
        assert_eq!(exports(&fewer).expect("exports"), only);
    }
}
