//! Responses that are slightly wrong: a tolerance that lets them pass would
//! let a broken model pass.

use serde_json::{Number, Value};
use wasmfit_record::OutputFormat;

use super::content::{Content, number};

/// How far a number is moved, relative to itself.
const SHARE: f64 = 0.01;

/// A response with one thing changed that has to be noticed: the number of
/// largest magnitude by 1%, or the last byte where bytes have to be equal.
/// `None` where there is nothing to change: no bytes, or nothing but zeros.
pub(crate) fn perturbed(response: &[u8], format: OutputFormat) -> Option<Vec<u8>> {
    match Content::read(response, format).ok()? {
        Content::Bytes => {
            let (last, rest) = response.split_last()?;
            Some([rest, &[last ^ 1]].concat())
        }
        Content::Numbers(mut numbers) => {
            let largest = numbers.iter_mut().max_by(|a, b| a.abs().total_cmp(&b.abs()))?;
            if *largest == 0.0 {
                return None;
            }
            *largest *= 1.0 + SHARE;
            Some(numbers.into_iter().flat_map(|it| written(it, format)).collect())
        }
        Content::Json(mut value) => {
            move_largest(&mut value)?;
            serde_json::to_vec(&value).ok()
        }
    }
}

fn written(number: f64, format: OutputFormat) -> Vec<u8> {
    if format == OutputFormat::F32 {
        #[expect(clippy::cast_possible_truncation, reason = "it was read from an f32")]
        let number = number as f32;
        number.to_le_bytes().to_vec()
    } else {
        number.to_le_bytes().to_vec()
    }
}

/// Changes the largest fraction in `value`, or the largest integer where
/// there are no fractions: integers are mostly names and counts.
fn move_largest(value: &mut Value) -> Option<()> {
    let mut numbers = Vec::new();
    collect(value, &mut numbers);
    let magnitude = |it: &Number| (it.is_f64(), number(it).abs());
    let largest = numbers.into_iter().max_by(|a, b| {
        let (a, b) = (magnitude(a), magnitude(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    })?;
    let moved = match largest.as_i64() {
        Some(integer) => Number::from(integer.checked_add(1)?),
        None if number(largest) == 0.0 => return None,
        None => Number::from_f64(number(largest) * (1.0 + SHARE))?,
    };
    *largest = moved;
    Some(())
}

fn collect<'a>(value: &'a mut Value, numbers: &mut Vec<&'a mut Number>) {
    match value {
        Value::Number(number) => numbers.push(number),
        Value::Array(items) => items.iter_mut().for_each(|item| collect(item, numbers)),
        Value::Object(items) => items.values_mut().for_each(|item| collect(item, numbers)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_number_is_moved_by_a_hundredth() {
        let response = [1.0f64, -4.0, 2.0].map(f64::to_le_bytes).concat();
        let expected = [1.0f64, -4.04, 2.0].map(f64::to_le_bytes).concat();
        assert_eq!(perturbed(&response, OutputFormat::F64), Some(expected));
        assert_eq!(perturbed(&[0; 8], OutputFormat::F32), None);
    }

    #[test]
    fn json_keeps_its_shape() {
        let moved = |text: &str| {
            perturbed(text.as_bytes(), OutputFormat::Json)
                .map(|bytes| String::from_utf8(bytes).expect("text"))
        };
        assert_eq!(
            moved(r#"{"id":900,"p":[0.5,0.25]}"#).as_deref(),
            Some(r#"{"id":900,"p":[0.505,0.25]}"#)
        );
        assert_eq!(moved("[1,2]").as_deref(), Some("[1,3]"));
        assert_eq!(moved(r#"["a"]"#), None);
    }

    #[test]
    fn a_byte_is_changed_where_bytes_count() {
        assert_eq!(perturbed(b"ab", OutputFormat::Bytes), Some(b"ac".to_vec()));
        assert_eq!(perturbed(b"", OutputFormat::Bytes), None);
    }
}
