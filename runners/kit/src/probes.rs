//! What a tier takes: found by having it compile a small module for each
//! proposal, so that a support matrix is the runtimes' own word and costs
//! milliseconds.

use std::fmt::Display;
use std::panic::{self, AssertUnwindSafe};

use wasmfit_protocol::{Failure, FailureKind, Proposal, Tier};
use wasmparser::{Validator, WasmFeatures};

/// The fields of a module that needs `proposal` and nothing else beyond the
/// first version of the standard; none where it is no module that is needed.
fn fields(proposal: Proposal) -> Option<&'static str> {
    Some(match proposal {
        Proposal::ComponentModel => return None,
        Proposal::BulkMemory => {
            "(memory 1) (func (memory.fill (i32.const 0) (i32.const 1) (i32.const 2)))"
        }
        Proposal::Exceptions => {
            "(tag $e (param i32))
             (func (result i32)
               (block $caught (result i32)
                 (try_table (catch $e $caught) (throw $e (i32.const 1)))
                 (i32.const 0)))
             (func (block $caught (result exnref)
                 (try_table (catch_all_ref $caught) (throw $e (i32.const 1)))
                 (return))
               throw_ref)"
        }
        Proposal::MultiValue => "(func (result i32 i32) (i32.const 1) (i32.const 2))",
        Proposal::ReferenceTypes => "(func (param externref) (result externref) (local.get 0))",
        Proposal::SignExtension => "(func (param i32) (result i32) (i32.extend8_s (local.get 0)))",
        Proposal::SaturatingFloatToInt => {
            "(func (param f32) (result i32) (i32.trunc_sat_f32_s (local.get 0)))"
        }
        Proposal::Simd => {
            "(func (param v128 v128) (result v128) (f32x4.mul (local.get 0) (local.get 1)))"
        }
        Proposal::TailCall => "(func $f (param i32) (result i32) (return_call $f (local.get 0)))",
    })
}

fn binary(proposal: Proposal) -> Result<Vec<u8>, wat::Error> {
    let text = fields(proposal).map(|fields| format!("(module {fields})"));
    wat::parse_str(text.unwrap_or_else(|| "(component)".into()))
}

/// A module that compiles where `proposal` is taken, and nowhere else.
#[must_use]
pub fn module_that_needs(proposal: Proposal) -> Option<Vec<u8>> {
    binary(proposal).ok()
}

/// Notes what `tier` lacks: `compile` is the runtime's compiler, which
/// explains itself when it does not take a module.
pub(crate) fn probe(tier: &mut Tier, compile: impl Fn(&str, &[u8]) -> Result<(), String>) {
    for proposal in Proposal::ALL {
        let module = match binary(proposal) {
            Ok(module) => module,
            // A fault of this table, which a test would have found.
            Err(error) => {
                tier.lacks.insert(proposal, error.to_string());
                continue;
            }
        };
        let compiled = panic::catch_unwind(AssertUnwindSafe(|| compile(&tier.name, &module)));
        let compiled = compiled.unwrap_or_else(|_| Err("its compiler panicked".into()));
        if let Err(error) = compiled {
            // Where in our module says nothing to whoever reads it.
            let error = one_line(&error);
            let error = error.split(" (at offset").next().unwrap_or(&error);
            tier.lacks.insert(proposal, error.to_owned());
        }
    }
}

/// The failure of a runtime that does not take a guest's module, by its own
/// error: the tier lacks something, or the file is no module.
#[must_use]
pub fn refusal(module: &[u8], during: &str, error: impl Display) -> Failure {
    let known = WasmFeatures::all();
    match Validator::new_with_features(known).validate_all(module) {
        Ok(_) => Failure::new(FailureKind::Unsupported, during, one_line(&error.to_string())),
        Err(reason) => {
            let message = format!("not a valid WebAssembly module: {reason}");
            Failure::new(FailureKind::Guest, during, message)
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn each_module_needs_its_proposal() {
        let features = [
            (Proposal::BulkMemory, WasmFeatures::BULK_MEMORY),
            (Proposal::Exceptions, WasmFeatures::EXCEPTIONS),
            (Proposal::MultiValue, WasmFeatures::MULTI_VALUE),
            (Proposal::ReferenceTypes, WasmFeatures::REFERENCE_TYPES),
            (Proposal::SignExtension, WasmFeatures::SIGN_EXTENSION),
            (Proposal::SaturatingFloatToInt, WasmFeatures::SATURATING_FLOAT_TO_INT),
            (Proposal::Simd, WasmFeatures::SIMD),
            (Proposal::TailCall, WasmFeatures::TAIL_CALL),
            (Proposal::ComponentModel, WasmFeatures::COMPONENT_MODEL),
        ];
        assert_eq!(features.map(|(proposal, _)| proposal), Proposal::ALL);
        for (proposal, feature) in features {
            let mut tier = Tier::new("any");
            let without = WasmFeatures::all() - feature;
            probe(&mut tier, |_, module| {
                let valid = Validator::new_with_features(without).validate_all(module);
                valid.map(|_| ()).map_err(|error| error.to_string())
            });
            assert!(tier.lacks.contains_key(&proposal), "{proposal:?} is not needed");
            probe(&mut tier, |_, module| {
                Validator::new_with_features(WasmFeatures::all())
                    .validate_all(module)
                    .map(|_| ())
                    .map_err(|error| panic!("{proposal:?}: {error}"))
            });
        }
    }

    #[test]
    fn a_compiler_that_panics_lacks_the_proposal() {
        let mut tier = Tier::new("any");
        let seen = RefCell::new(Vec::new());
        probe(&mut tier, |name, _| {
            seen.borrow_mut().push(name.to_owned());
            assert!(seen.borrow().len() != 2, "no such instruction");
            Ok(())
        });
        assert_eq!(tier.lacks.keys().copied().collect::<Vec<_>>(), [Proposal::ALL[1]]);
    }

    #[test]
    fn a_refusal_tells_a_lack_from_a_file_that_is_no_module() {
        let module = wat::parse_str("(module)").expect("a module");
        let lacking = refusal(&module, "compile", "no\n such thing");
        assert_eq!((lacking.kind, &*lacking.message), (FailureKind::Unsupported, "no such thing"));
        assert_eq!(refusal(b"#!/bin/sh", "compile", "no").kind, FailureKind::Guest);
    }
}
