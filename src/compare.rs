//! Whether a target's responses are native's, within the workload's
//! tolerance.

use wasmfit_record::{Deviation, OutputFormat, Tolerance};

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
        if let Err(reason) = compare_one(found, native, tolerance, &mut deviation) {
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

/// Compares one response that is not the same bytes.
fn compare_one(
    found: &[u8],
    native: &[u8],
    tolerance: Tolerance,
    deviation: &mut Deviation,
) -> Result<(), String> {
    if found.len() != native.len() {
        return Err(format!("{} bytes instead of {}", found.len(), native.len()));
    }
    let (Some(found), Some(native)) =
        (numbers(found, tolerance.format), numbers(native, tolerance.format))
    else {
        return Err("different bytes, where they have to be the same".into());
    };
    let mut result = Ok(());
    for (index, (found, native)) in found.zip(native).enumerate() {
        let same = found.to_bits() == native.to_bits() || (found.is_nan() && native.is_nan());
        if same {
            continue;
        }
        // NaN against a number, or an infinity, is as far off as can be said.
        let absolute = Some((found - native).abs()).filter(|d| d.is_finite()).unwrap_or(f64::MAX);
        deviation.largest_absolute = deviation.largest_absolute.max(absolute);
        if native != 0.0 && native.is_finite() {
            let relative = (absolute / native.abs()).min(f64::MAX);
            deviation.largest_relative = deviation.largest_relative.max(relative);
        }
        let allowed = tolerance.absolute + tolerance.relative * native.abs();
        // Written so that a NaN on either side is not allowed.
        let within = absolute <= allowed && found.is_finite() && native.is_finite();
        if !within && result.is_ok() {
            result = Err(format!("element {index} is {found} instead of {native}"));
        }
    }
    result
}

/// The numbers in a response; `None` when they are to be compared as bytes,
/// or when the bytes are no such numbers.
fn numbers(bytes: &[u8], format: OutputFormat) -> Option<Box<dyn Iterator<Item = f64> + '_>> {
    match format {
        OutputFormat::Bytes => None,
        OutputFormat::F32 => {
            let (chunks, rest) = bytes.as_chunks::<4>();
            rest.is_empty()
                .then(|| Box::new(chunks.iter().map(|c| f64::from(f32::from_le_bytes(*c)))) as _)
        }
        OutputFormat::F64 => {
            let (chunks, rest) = bytes.as_chunks::<8>();
            rest.is_empty().then(|| Box::new(chunks.iter().map(|c| f64::from_le_bytes(*c))) as _)
        }
    }
}

#[cfg(test)]
mod tests {
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
}
