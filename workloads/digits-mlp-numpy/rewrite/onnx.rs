/// Pixels of 0..16, a byte each, become values in 0..1.
pub(super) fn values(request: &[u8]) -> Vec<f32> {
    request.iter().map(|&pixel| f32::from(pixel) / 16.0).collect()
}
