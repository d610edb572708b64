//! What a response says, read in its workload's format.

use serde_json::{Number, Value};
use wasmfit_record::OutputFormat;

/// A response as its format reads it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// Bytes, which are equal or not.
    Bytes,
    /// Numbers, one after the other.
    Numbers(Vec<f64>),
    /// A JSON value.
    Json(Value),
}

impl Content {
    /// Reads `response`; the error is a clause that tells why it cannot be
    /// read so.
    pub(super) fn read(response: &[u8], format: OutputFormat) -> Result<Self, String> {
        let no_numbers = || format!("{} bytes are no row of numbers", response.len());
        match format {
            OutputFormat::Bytes => Ok(Self::Bytes),
            OutputFormat::F32 => {
                let (chunks, []) = response.as_chunks::<4>() else { return Err(no_numbers()) };
                let numbers = chunks.iter().map(|it| f64::from(f32::from_le_bytes(*it)));
                Ok(Self::Numbers(numbers.collect()))
            }
            OutputFormat::F64 => {
                let (chunks, []) = response.as_chunks::<8>() else { return Err(no_numbers()) };
                Ok(Self::Numbers(chunks.iter().map(|it| f64::from_le_bytes(*it)).collect()))
            }
            OutputFormat::Json => serde_json::from_slice(response)
                .map(Self::Json)
                .map_err(|error| format!("no JSON: {error}")),
        }
    }
}

/// A JSON number as the nearest double.
pub(super) fn number(number: &Number) -> f64 {
    // Always `Some` unless numbers are kept as text, which they are not here.
    number.as_f64().unwrap_or(f64::NAN)
}

/// Why a response cannot be compared with any other: it holds NaN or an
/// infinity, which no tolerance covers, or is not in its format at all.
pub(crate) fn not_finite(response: &[u8], format: OutputFormat) -> Option<String> {
    match Content::read(response, format) {
        // Python's json writes NaN and Infinity, which JSON does not have.
        Err(reason) => Some(reason),
        Ok(Content::Numbers(numbers)) => {
            let index = numbers.iter().position(|number| !number.is_finite())?;
            Some(format!("element {index} is {}", numbers[index]))
        }
        Ok(Content::Bytes | Content::Json(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_named() {
        let floats = [1f32, f32::NAN].map(f32::to_le_bytes).concat();
        let told = not_finite(&floats, OutputFormat::F32);
        assert_eq!(told.as_deref(), Some("element 1 is NaN"));
        let infinite = f64::INFINITY.to_le_bytes();
        assert_eq!(not_finite(&infinite, OutputFormat::F64).as_deref(), Some("element 0 is inf"));
        assert!(not_finite(b"[NaN]", OutputFormat::Json).is_some());
        assert!(not_finite(&[0; 3], OutputFormat::F32).is_some());
        assert_eq!(not_finite(&floats, OutputFormat::Bytes), None);
        assert_eq!(not_finite(b"[1e308]", OutputFormat::Json), None);
    }
}
