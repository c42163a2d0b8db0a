//! Request bodies, compressed where that pays. Salesforce takes `Content-Encoding: gzip` (REST API Developer Guide,
//! "Compression Headers"); answers are the HTTP client's to inflate.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

/// A smaller body fits into a packet as it is.
const LEAST: usize = 1024;

/// The compressed body; `None` where it would not be smaller, or is not worth the work.
pub(crate) fn gzip(body: &Bytes) -> Option<Bytes> {
    if body.len() < LEAST {
        return None;
    }
    // Rows repeat their names: a quarter is common.
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() < body.len()).then(|| packed.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn only_large_bodies_are_compressed() {
        let rows: Bytes = r#"{"LastName":"Lovelace"},"#.repeat(100).into();
        let packed = gzip(&rows).unwrap();
        assert!(packed.len() * 10 < rows.len());
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, rows);

        assert_eq!(gzip(&rows.slice(..LEAST - 1)), None, "small");
        let noise: Bytes = (0..LEAST).map(|_| rand::random::<u8>()).collect::<Vec<_>>().into();
        assert_eq!(gzip(&noise), None, "would grow");
    }
}
