//! Whether a target's responses are native's, within the workload's
//! tolerance.

use serde_json::{Number, Value};
use wasmfit_record::{Deviation, Tolerance};

use super::content::{Content, number};

/// The result of comparing a launch's responses.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Agreement {
    /// Every response is within the tolerance.
    Within(Deviation),
    /// At least one is not.
    Beyond {
        /// How far off, over all responses that could be compared.
        deviation: Deviation,
        /// The first response that is not, in one clause.
        first: String,
    },
}

/// Compares responses with native's to the same requests. A launch may have
/// answered only the first few.
pub(crate) fn compare(found: &[Vec<u8>], native: &[Vec<u8>], tolerance: Tolerance) -> Agreement {
    let mut deviation = Deviation::default();
    let mut first = None;
    for (request, (found, native)) in found.iter().zip(native).enumerate() {
        deviation.requests += 1;
        if found == native {
            deviation.identical += 1;
            continue;
        }
        let mut comparison = Comparison { tolerance, deviation: &mut deviation, first: None };
        comparison.responses(found, native);
        if let Some(reason) = comparison.first {
            first.get_or_insert_with(|| format!("request {request}: {reason}"));
        }
    }
    if found.len() > native.len() {
        first.get_or_insert_with(|| {
            format!("{} responses instead of {}", found.len(), native.len())
        });
    }
    match first {
        None => Agreement::Within(deviation),
        Some(first) => Agreement::Beyond { deviation, first },
    }
}

/// The comparison of two responses that are not the same bytes.
struct Comparison<'a> {
    tolerance: Tolerance,
    deviation: &'a mut Deviation,
    /// The first thing that is beyond the tolerance.
    first: Option<String>,
}

impl Comparison<'_> {
    fn responses(&mut self, found: &[u8], native: &[u8]) {
        let format = self.tolerance.format;
        match (Content::read(found, format), Content::read(native, format)) {
            (Err(reason), _) | (_, Err(reason)) => self.beyond(|| reason),
            (Ok(Content::Numbers(a)), Ok(Content::Numbers(b))) if a.len() == b.len() => {
                for (index, (a, b)) in a.into_iter().zip(b).enumerate() {
                    self.numbers(a, b, || format!("element {index}"));
                }
            }
            (Ok(Content::Numbers(_)), Ok(_)) => {
                self.beyond(|| format!("{} bytes instead of {}", found.len(), native.len()));
            }
            (Ok(Content::Json(a)), Ok(Content::Json(b))) => self.values(&a, &b, "$"),
            _ => self.beyond(|| "different bytes, where they have to be the same".into()),
        }
    }

    /// Compares two JSON values. `place` is where they are, as RFC 9535
    /// (`JSONPath`) writes it.
    fn values(&mut self, found: &Value, native: &Value, place: &str) {
        match (found, native) {
            (Value::Number(a), Value::Number(b)) => self.json_numbers(a, b, place),
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                for (index, (a, b)) in a.iter().zip(b).enumerate() {
                    self.values(a, b, &format!("{place}[{index}]"));
                }
            }
            (Value::Object(a), Value::Object(b))
                if a.len() == b.len() && a.keys().all(|key| b.contains_key(key)) =>
            {
                for (key, b) in b {
                    self.values(&a[key], b, &format!("{place}.{key}"));
                }
            }
            (a, b) if a == b => {}
            (a, b) => self.beyond(|| format!("{place} is {} instead of {}", brief(a), brief(b))),
        }
    }

    fn json_numbers(&mut self, found: &Number, native: &Number, place: &str) {
        if found == native {
            return;
        }
        let (a, b) = (number(found), number(native));
        if a.to_bits() == b.to_bits() && !found.is_f64() && !native.is_f64() {
            // Beyond 2^53, unequal integers can be one and the same f64.
            self.beyond(|| format!("{place} is {found} instead of {native}"));
        } else {
            self.numbers(a, b, || place.into());
        }
    }

    fn numbers(&mut self, found: f64, native: f64, place: impl FnOnce() -> String) {
        let same = found.to_bits() == native.to_bits() || (found.is_nan() && native.is_nan());
        if same {
            return;
        }
        // NaN against a number, or an infinity, is as far off as can be said.
        let absolute = Some((found - native).abs()).filter(|d| d.is_finite()).unwrap_or(f64::MAX);
        let deviation = &mut *self.deviation;
        deviation.largest_absolute = deviation.largest_absolute.max(absolute);
        if native != 0.0 && native.is_finite() {
            let relative = (absolute / native.abs()).min(f64::MAX);
            deviation.largest_relative = deviation.largest_relative.max(relative);
        }
        let allowed = self.tolerance.absolute + self.tolerance.relative * native.abs();
        // Written so that a NaN on either side is not allowed.
        let within = absolute <= allowed && found.is_finite() && native.is_finite();
        if !within {
            self.beyond(|| format!("{} is {found} instead of {native}", place()));
        }
    }

    fn beyond(&mut self, reason: impl FnOnce() -> String) {
        self.first.get_or_insert_with(reason);
    }
}

/// A value's beginning, for a message of one line.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    let shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() { format!("{shown}…") } else { shown }
}

#[cfg(test)]
mod tests {
    use wasmfit_record::OutputFormat;

    use super::*;

    const F64: Tolerance = Tolerance { format: OutputFormat::F64, absolute: 1e-9, relative: 1e-6 };
    const BYTES: Tolerance =
        Tolerance { format: OutputFormat::Bytes, absolute: 0.0, relative: 0.0 };

    fn response(values: &[f64]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn agreement(found: &[f64], native: &[f64]) -> Agreement {
        compare(&[response(found)], &[response(native)], F64)
    }

    fn is_within(found: &[f64], native: &[f64]) -> bool {
        matches!(agreement(found, native), Agreement::Within(_))
    }

    #[test]
    fn the_same_bytes_agree() {
        let Agreement::Within(deviation) = agreement(&[1.0, f64::NAN], &[1.0, f64::NAN]) else {
            panic!("beyond");
        };
        assert_eq!(deviation, Deviation { requests: 1, identical: 1, ..Deviation::default() });
    }

    #[test]
    fn small_deviations_are_allowed_and_shown() {
        let Agreement::Within(deviation) = agreement(&[1.0, 100.0 + 5e-5], &[1.0, 100.0]) else {
            panic!("beyond");
        };
        assert_eq!(deviation.identical, 0);
        assert!((deviation.largest_absolute - 5e-5).abs() < 1e-12);
        assert!((deviation.largest_relative - 5e-7).abs() < 1e-12);
    }

    #[test]
    fn what_is_beyond_the_tolerance_is_named() {
        let Agreement::Beyond { first, .. } = agreement(&[1.0, 2.5], &[1.0, 2.0]) else {
            panic!("within");
        };
        assert_eq!(first, "request 0: element 1 is 2.5 instead of 2");
    }

    #[test]
    fn no_tolerance_covers_what_is_not_a_number() {
        for (found, native) in [
            (f64::NAN, 1.0),
            (1.0, f64::NAN),
            (f64::INFINITY, 1.0),
            (1.0, f64::INFINITY),
            (f64::INFINITY, f64::NEG_INFINITY),
        ] {
            let Agreement::Beyond { deviation, .. } = agreement(&[found], &[native]) else {
                panic!("{found} passes for {native}");
            };
            // Infinite figures would not survive JSON.
            assert!(deviation.largest_absolute.is_finite());
            assert!(deviation.largest_relative.is_finite());
        }
    }

    #[test]
    fn signed_zeros_and_infinities_equal_themselves() {
        assert!(is_within(&[0.0, f64::INFINITY], &[-0.0, f64::INFINITY]));
    }

    #[test]
    fn lengths_and_counts_have_to_match() {
        assert!(!is_within(&[1.0], &[1.0, 2.0]));
        let responses = [response(&[1.0]), response(&[2.0])];
        let beyond = |a| matches!(a, Agreement::Beyond { .. });
        assert!(beyond(compare(&responses, &responses[..1], F64)));
        // A cold start answers the first request only.
        assert!(!beyond(compare(&responses[..1], &responses, F64)));
    }

    #[test]
    fn bytes_have_to_be_the_same() {
        let compared = compare(&[b"ab".to_vec()], &[b"ac".to_vec()], BYTES);
        assert!(matches!(compared, Agreement::Beyond { .. }));
    }

    #[test]
    fn bytes_that_are_no_numbers_do_not_pass_for_some() {
        let compared = compare(&[vec![0; 9]], &[vec![1; 9]], F64);
        assert!(matches!(compared, Agreement::Beyond { .. }));
    }

    #[test]
    fn json_is_compared_by_its_numbers_and_otherwise_exactly() {
        const JSON: Tolerance =
            Tolerance { format: OutputFormat::Json, absolute: 1e-3, relative: 0.0 };
        let native = r#"[{"id": 7, "p": 0.5, "label": "b", "tags": [null, true]}]"#;
        let first = |found: &str| match compare(&[found.into()], &[native.into()], JSON) {
            Agreement::Within(_) => None,
            Agreement::Beyond { first, .. } => Some(first),
        };
        for (found, expected) in [
            (r#"[{"p":0.5004,"id":7,"label":"b","tags":[null,true]}]"#, None),
            (
                r#"[{"id": 7, "p": 0.6, "label": "b", "tags": [null, true]}]"#,
                Some("$[0].p is 0.6 instead of 0.5"),
            ),
            (
                r#"[{"id": 8, "p": 0.5, "label": "b", "tags": [null, true]}]"#,
                Some("$[0].id is 8 instead of 7"),
            ),
            (
                r#"[{"id": 7, "p": 0.5, "label": "c", "tags": [null, true]}]"#,
                Some("$[0].label is \"c\" instead of \"b\""),
            ),
            (
                r#"[{"id": 7, "p": 0.5, "label": "b", "tags": [null]}]"#,
                Some("$[0].tags is [null] instead of [null,true]"),
            ),
            (r#"[{"id": 7, "p": 0.5, "label": "b"}]"#, Some("$[0] is {")),
            ("[NaN]", Some("no JSON")),
        ] {
            let found = first(found);
            match expected {
                None => assert_eq!(found, None),
                Some(part) => {
                    assert!(found.as_ref().is_some_and(|it| it.contains(part)), "{found:?}");
                }
            }
        }
    }

    #[test]
    fn large_json_integers_are_not_mixed_up() {
        const JSON: Tolerance =
            Tolerance { format: OutputFormat::Json, absolute: 0.5, relative: 0.0 };
        let (a, b) = (b"[9007199254740993]".to_vec(), b"[9007199254740992]".to_vec());
        assert!(matches!(compare(&[a], &[b], JSON), Agreement::Beyond { .. }));
    }
}
