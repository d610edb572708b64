//! Whether responses can be compared, and whether the comparison is worth
//! anything.

use wasmfit_record::Tolerance;

use super::{Finding, Topic};
use crate::outputs::{Agreement, compare, not_finite, perturbed};
use crate::workloads::Workload;

/// Checks the responses of every batch size.
pub(super) fn check(workload: &Workload, batches: &[Vec<Vec<u8>>]) -> Vec<Finding> {
    let tolerance = workload.manifest.output.tolerance();
    let sizes = &workload.manifest.batch_sizes;
    let faults = sizes.iter().zip(batches).find_map(|(batch, responses)| {
        let fault = unusable(responses, tolerance).or_else(|| vacuous(responses, tolerance));
        fault.map(|(topic, text)| Finding::fault(topic, format!("batch {batch}: {text}")))
    });
    if let Some(fault) = faults {
        return vec![fault];
    }
    let requests: usize = batches.iter().map(Vec::len).sum();
    let text = format!("{requests} distinct, the same from 2 processes");
    vec![
        Finding::good(Topic::Contract, "its five functions are there and take what they have to"),
        Finding::good(Topic::Code, "no clock, no chance, no network, thread or process was found"),
        Finding::good(Topic::Requests, text),
        Finding::good(Topic::Responses, "the same from 2 loads and 2 processes, and finite"),
        Finding::good(Topic::Tolerance, "a number off by 1% fails, and so does another's response"),
    ]
}

/// Why responses cannot be compared at all.
fn unusable(responses: &[Vec<u8>], tolerance: Tolerance) -> Option<(Topic, String)> {
    responses.iter().enumerate().find_map(|(request, response)| {
        if response.is_empty() {
            return Some((Topic::Responses, format!("request {request} is answered by no bytes")));
        }
        let reason = not_finite(response, tolerance.format)?;
        let text = format!(
            "request {request}: {reason}: encode finite numbers, in the format that workload.toml states"
        );
        Some((Topic::Responses, text))
    })
}

/// How a broken model would pass.
fn vacuous(responses: &[Vec<u8>], tolerance: Tolerance) -> Option<(Topic, String)> {
    let passes = |found: &Vec<u8>, native: &Vec<u8>| {
        let compared =
            compare(std::slice::from_ref(found), std::slice::from_ref(native), tolerance);
        matches!(compared, Agreement::Within(_))
    };
    if responses.len() > 1 && responses.windows(2).all(|pair| passes(&pair[0], &pair[1])) {
        let text = "every response passes for every other: the tolerance is too wide, or the requests are all alike";
        return Some((Topic::Tolerance, text.into()));
    }
    let passing = responses.iter().position(|native| {
        perturbed(native, tolerance.format).is_some_and(|changed| passes(&changed, native))
    })?;
    let text = format!(
        "a response to request {passing} whose largest number is off by 1% would pass: state a tolerance that fits the deviations seen"
    );
    Some((Topic::Tolerance, text))
}

#[cfg(test)]
mod tests {
    use wasmfit_record::OutputFormat;

    use super::*;

    fn responses(values: &[f32]) -> Vec<Vec<u8>> {
        values.iter().map(|value| value.to_le_bytes().to_vec()).collect()
    }

    const fn tolerance(absolute: f64) -> Tolerance {
        Tolerance { format: OutputFormat::F32, absolute, relative: 0.0 }
    }

    #[test]
    fn a_tolerance_that_lets_anything_pass_is_vacuous() {
        let told = |values: &[f32], absolute| {
            vacuous(&responses(values), tolerance(absolute))
                .map(|(_, text)| text)
                .unwrap_or_default()
        };
        assert_eq!(told(&[1.0, 2.0], 1e-3), "");
        assert!(told(&[1.0, 2.0], 5.0).starts_with("every response passes"));
        assert!(told(&[1.0, 2.0], 0.05).contains("request 0"));
        // One that is all zeros cannot be off by a hundredth.
        assert_eq!(told(&[0.0, 2.0], 1e-3), "");
    }

    #[test]
    fn responses_that_are_no_numbers_are_told() {
        let told = |values: &[f32]| unusable(&responses(values), tolerance(0.0));
        assert_eq!(told(&[1.0]), None);
        assert!(
            told(&[1.0, f32::NAN])
                .is_some_and(|(_, text)| text.contains("request 1: element 0 is NaN"))
        );
        assert!(unusable(&[vec![]], tolerance(0.0)).is_some());
    }
}
