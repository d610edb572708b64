use wasmfit_protocol::RequestPhase;

use super::*;

fn built_in() -> Rules {
    Rules::read(&[]).expect("the built-in rules read")
}

fn place(object: &str, symbol: &str) -> Place {
    let symbol = (!symbol.is_empty()).then(|| symbol.to_owned());
    Place { object: object.into(), symbol }
}

fn class_of(places: &[Place]) -> (Class, Option<String>) {
    let rules = built_in();
    let mut verdicts = Verdicts { rules: &rules, known: HashMap::new() };
    let (class, charged) = verdicts.class_of(places);
    (class, charged.map(|it| symbol_of(it).to_owned()))
}

/// The same functions natively and in the guest.
#[track_caller]
fn both(object: &str, symbols: &[&str], class: Class) {
    for object in [object, "python.wasm"] {
        for symbol in symbols {
            assert_eq!(class_of(&[place(object, symbol)]).0, class, "{symbol} of {object}");
        }
    }
}

const PYTHON: &str = "python3.15";
const NUMPY: &str = "_multiarray_umath.cpython-315-x86_64-linux-gnu.so";
const BLAS: &str = "libscipy_openblas64_-61654e39.so";

#[test]
fn one_set_of_rules_serves_native_and_guest() {
    both(
        PYTHON,
        &["_PyEval_EvalFrameDefault", "gen_iternext", "take_gil", "method_vectorcall_O"],
        Class::Eval,
    );
    both(
        PYTHON,
        &[
            "_Py_dict_lookup",
            "unicode_hash",
            "listiter_next",
            "zip_next",
            "long_add",
            "binary_op1",
            "PyUnicode_RichCompare",
            "list_extend",
            "unicodekeys_lookup_unicode",
        ],
        Class::Objects,
    );
    both(
        PYTHON,
        &["_Py_Dealloc", "_PyObject_Malloc", "PyObject_GC_Del", "tuple_dealloc"],
        Class::Memory,
    );
    both(
        NUMPY,
        &[
            "NpyIter_AdvancedNew",
            "ufunc_generic_fastcall",
            "PyUFunc_GeneralizedFunctionInternal",
            "npyiter_fill_axisdata",
            "PyArray_NewFromDescr_int",
            "promote_and_get_ufuncimpl",
            "simple_legacy_resolve_descriptors",
            "execute_ufunc_loop",
            "array_reshape",
            "_npy_parse_arguments",
        ],
        Class::Dispatch,
    );
    both(
        NUMPY,
        &[
            "FLOAT_add",
            "FLOAT_multiply_X86_V3",
            "DOUBLE_pairwise_sum",
            "_aligned_cast_float_to_double",
        ],
        Class::Compute,
    );
    both(
        BLAS,
        &[
            "sgemm_kernel",
            "sgemm_kernel_HASWELL",
            "sgemv_t",
            "sgemv_kernel_4x4",
            "cblas_sgemm",
            "saxpy_k",
        ],
        Class::Compute,
    );
    both("libm.so.6", &["__expf_fma"], Class::Compute);
    both("libm.so.6", &["exp"], Class::Compute);
    both("libm.so.6", &["__GI___fetestexcept"], Class::Dispatch);
}

#[test]
fn bulk_builtins_are_decided_one_by_one() {
    // Compiled loops over raw data.
    both(
        PYTHON,
        &[
            "binarysort",
            "unsafe_float_compare",
            "scanstring_unicode",
            "py_encode_basestring_ascii",
            "sre_ucs1_match",
            "bytes_translate",
            "ucs1lib_fastsearch",
            "unicode_decode_utf8",
            "x_mul",
        ],
        Class::Compute,
    );
    // Loops over objects, which the object protocol hands out.
    both(PYTHON, &["builtin_sum", "builtin_max", "zip_next", "map_next"], Class::Objects);
}

#[test]
fn what_serves_its_caller_is_charged_there() {
    let memcpy = place("libc.so.6", "__memcpy_avx512_unaligned_erms");
    let found = class_of(&[memcpy.clone(), place(NUMPY, "FLOAT_add"), place(PYTHON, "main")]);
    assert_eq!(found, (Class::Compute, Some("FLOAT_add".into())));
    let found = class_of(&[memcpy.clone(), place(PYTHON, "PyBytes_FromStringAndSize")]);
    assert_eq!(found.0, Class::Objects);
    // Through a stripped libc and the runtime's helper to the guest.
    let found = class_of(&[
        place("libc.so.6", ""),
        place("wasmfit-wasmtime", "wasmtime::runtime::vm::libcalls::memory_copy"),
        place("python.wasm", "[trampoline]"),
        place("python.wasm", "memcpy"),
        place("python.wasm", "dict_merge"),
    ]);
    assert_eq!(found, (Class::Objects, Some("dict_merge".into())));
    let found = class_of(&[
        place("node", "v8::internal::wasm::memory_copy_wrapper"),
        place("python.wasm", "dict_merge"),
    ]);
    assert_eq!(found, (Class::Objects, Some("dict_merge".into())));
    assert_eq!(class_of(&[memcpy]), (Class::Unknown, None));
    // The runtime's own, for no function of the guest's that is known.
    let found = class_of(&[
        place("libc.so.6", "__GI___pthread_rwlock_rdlock"),
        place("libwasmedge.so.0.1.1", ""),
    ]);
    assert_eq!(found, (Class::System, None));
}

#[test]
fn without_symbols_the_object_decides() {
    assert_eq!(class_of(&[place("python3.11", "")]).0, Class::Interpreter);
    assert_eq!(class_of(&[place("libpython3.12.so.1.0", "")]).0, Class::Interpreter);
    assert_eq!(class_of(&[place(NUMPY, "")]).0, Class::Compute);
    assert_eq!(class_of(&[place(BLAS, "")]).0, Class::Compute);
    assert_eq!(class_of(&[place("[vdso]", "")]).0, Class::System);
}

#[test]
fn what_nobody_knows_is_unknown() {
    assert_eq!(class_of(&[place("python.wasm", "qqq")]), (Class::Unknown, None));
    assert_eq!(class_of(&[place("[anonymous]", "")]), (Class::Unknown, None));
}

#[test]
fn equal_samples_are_one_row() {
    let row = |places: Vec<Place>, count| ProfileRow {
        request: 0,
        phase: RequestPhase::Infer,
        places,
        count,
    };
    let eval = || place(PYTHON, "_PyEval_EvalFrameDefault");
    let profile =
        [row(vec![eval(), place(PYTHON, "a")], 2), row(vec![eval(), place(PYTHON, "b")], 3)];
    let rows = built_in().classify(7, &profile);
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].launch, rows[0].class, rows[0].count), (7, Class::Eval, 5));
    assert_eq!(rows[0].charged_to, "");
}

#[test]
fn own_rules_come_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.toml");
    let text = "[[rule]]\nsymbol = '^score_'\nclass = 'compute'\nwhy = 'our kernel'\n";
    fs::write(&path, text).expect("written");
    let rules = Rules::read(&[path]).expect("read");
    let rule = rules.rule_of("score_rows", "_scoring.so").expect("a rule");
    assert_eq!(
        (rule.verdict, &rule.source),
        (Verdict::Class(Class::Compute), &("mine.toml".to_owned(), 1))
    );
    assert_eq!(rules.files().len(), 2);
}

#[test]
fn rules_that_do_not_read_are_told_in_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.toml");
    for (text, told) in [
        ("[[rule]]\nsymbol = 'a'\nclass = 'naps'\nwhy = 'x'", "rule 1: \"naps\" is no cost class"),
        (
            "[[rule]]\nsymbol = 'a('\nclass = 'compute'\nwhy = 'x'",
            "rule 1: symbol: error: unclosed group",
        ),
        ("[[rule]]\nclass = 'compute'\nwhy = 'x'", "rule 1: it has neither symbol nor object"),
        ("[[rule]]\nsymbol = 'a'\nclass = 'compute'", "missing field `why`"),
        ("rule = 3", "line 1"),
    ] {
        fs::write(&path, text).expect("written");
        let error = Rules::read(std::slice::from_ref(&path)).expect_err(text).to_string();
        assert!(error.starts_with("rules mine.toml: ") && error.contains(told), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}
