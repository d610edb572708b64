//! What functions call directly.
//!
//! A request that errs, a rare branch, a series that needs one more term: what
//! a function that was reached calls under other circumstances is most of what
//! a trimmed guest would miss, and little of its size, so it stays. What is
//! left out can be called through tables alone: methods and slots of types that
//! nothing touched.

use std::collections::BTreeSet;

use wasmparser::{BinaryReaderError, Operator, Parser, Payload, TypeRef};

/// Marks in `is_kept`, which has a place for each function that the module
/// defines, whatever those that are marked call directly, and so on.
pub(super) fn keep_called(module: &[u8], is_kept: &mut [bool]) -> Result<(), BinaryReaderError> {
    let called = direct_calls(module)?;
    let mut open: Vec<usize> = (0..is_kept.len()).filter(|at| is_kept[*at]).collect();
    while let Some(at) = open.pop() {
        for callee in called.get(at).into_iter().flatten() {
            if let Some(kept @ false) = is_kept.get_mut(*callee) {
                *kept = true;
                open.push(*callee);
            }
        }
    }
    Ok(())
}

/// For each function that the module defines those of them that it calls
/// directly.
fn direct_calls(module: &[u8]) -> Result<Vec<BTreeSet<usize>>, BinaryReaderError> {
    let imported = imported_functions(module)? as usize;
    let mut called = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::CodeSectionEntry(body) = payload? else { continue };
        let mut callees = BTreeSet::new();
        for operator in body.get_operators_reader()? {
            if let Operator::Call { function_index } | Operator::ReturnCall { function_index } =
                operator?
            {
                callees.extend((function_index as usize).checked_sub(imported));
            }
        }
        called.push(callees);
    }
    Ok(called)
}

/// How many functions a module imports: its own are counted from there on.
pub(super) fn imported_functions(module: &[u8]) -> Result<u32, BinaryReaderError> {
    let mut count = 0;
    for payload in Parser::new(0).parse_all(module) {
        let Payload::ImportSection(imports) = payload? else { continue };
        for import in imports.into_imports() {
            count += u32::from(matches!(import?.ty, TypeRef::Func(_)));
        }
        break;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_stays_and_what_tables_hold_does_not() {
        let module = wat::parse_str(
            r#"(module
                (import "host" "call" (func))
                (table funcref (elem 4))
                (func (call 0) (call 2))
                (func (return_call 3))
                (func)
                (func (call 0))
                (func (call_indirect (i32.const 0)) (call 5)))"#,
        )
        .expect("a module");
        let mut is_kept = [true, false, false, false, false];
        keep_called(&module, &mut is_kept).expect("a module");
        assert_eq!(is_kept, [true, true, true, false, false]);
    }
}
