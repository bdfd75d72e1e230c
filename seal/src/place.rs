//! Bytes that name a place, so that no two places have the same.

/// Joins the parts, each behind its length.
pub(crate) fn place<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Vec<u8> {
    let mut place = Vec::with_capacity(256);
    for part in parts {
        let part = part.as_ref();
        place.extend_from_slice(&(part.len() as u64).to_be_bytes());
        place.extend_from_slice(part);
    }
    place
}
