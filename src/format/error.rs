use std::fmt;

/// Why bytes cannot be read in their format, and in which member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError {
    /// Path of the member, such as `address.lines[2]`; empty for the whole value.
    path: String,
    message: String,
    pub(super) too_large: bool,
}

impl FormatError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { path: String::new(), message: message.into(), too_large: false }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self {
            too_large: true,
            ..Self::new(format!("its JSON would have more than {limit} bytes, which is pipeline.max_row_bytes"))
        }
    }

    /// Puts the error into the member `name`.
    pub(super) fn within(mut self, name: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => name.to_owned(),
            path if path.starts_with('[') => format!("{name}{path}"),
            path => format!("{name}.{path}"),
        };
        self
    }

    /// Puts the error into an element of an array.
    pub(super) fn at(self, index: usize) -> Self {
        self.within(&format!("[{index}]"))
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "the field {}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for FormatError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_path_of_its_member() {
        let error = FormatError::new("wrong").at(2).within("lines").within("address");
        assert_eq!(error.to_string(), "the field address.lines[2]: wrong");
        assert_eq!(FormatError::new("wrong").to_string(), "wrong");
    }
}
