//! The names that a module gives its functions.

use std::collections::BTreeMap;

use wasmparser::{KnownCustom, Name, NameSectionReader, Parser, Payload};

/// Function index to name, imports counted, from the custom section `name`;
/// empty for a module without one, and as far as it reads.
#[must_use]
pub fn function_names(module: &[u8]) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    let sections = Parser::new(0).parse_all(module).map_while(Result::ok);
    for section in sections {
        if let Payload::CustomSection(section) = section
            && let KnownCustom::Name(section) = section.as_known()
        {
            add_names(section, &mut names);
        }
    }
    names
}

fn add_names(section: NameSectionReader<'_>, names: &mut BTreeMap<u32, String>) {
    for part in section.into_iter().map_while(Result::ok) {
        if let Name::Function(functions) = part {
            let functions = functions.into_iter().map_while(Result::ok);
            names.extend(functions.map(|it| (it.index, it.name.to_owned())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_their_names() {
        let module = wat::parse_str(
            "(module (import \"a\" \"b\" (func $imported)) (func $memcpy) (func) (func $sgemm_kernel))",
        );
        let names = function_names(&module.expect("a module"));
        let expected = [(0, "imported"), (1, "memcpy"), (3, "sgemm_kernel")];
        assert_eq!(names, expected.map(|(index, name)| (index, name.to_owned())).into());
    }

    #[test]
    fn what_has_no_names_has_none() {
        let nameless = wat::parse_str("(module (func))").expect("a module");
        assert!(function_names(&nameless).is_empty());
        assert!(function_names(b"no module").is_empty());
    }
}
