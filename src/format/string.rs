use std::str::Utf8Error;

/// A text key, as Connect's `StringConverter` reads it: UTF-8, nothing else.
pub fn text(bytes: &[u8]) -> Result<&str, Utf8Error> {
    std::str::from_utf8(bytes)
}
