//! Skips a value that a route leaves out. Its texts, numbers and nesting are not checked.

use super::{
    datum::Datum,
    schema::{Field, Node},
};
use crate::format::FormatError;

/// A part of a value that has still to be skipped.
enum Open<'a> {
    Value(usize),
    Fields(&'a [Field]),
    /// The rest of a block of items, and the blocks after it.
    Items {
        node: usize,
        left: u64,
        has_keys: bool,
    },
}

/// The limit of parts that are open at the same time. A value that is nested deeper would take more memory than it has
/// bytes.
const MAX_OPEN: usize = 64 * 1024;

impl<'a> Datum<'a> {
    /// Skips a value. It uses a loop instead of recursion, since a value may be nested as deep as it is long.
    pub(super) fn skip(&mut self, node: usize) -> Result<(), FormatError> {
        // Types that take no bytes may contain each other any number of times.
        let mut steps = 1_000_000 + 32 * self.bytes.len();
        let mut open = vec![Open::Value(node)];
        while let Some(next) = open.pop() {
            steps = steps.checked_sub(1).ok_or_else(|| {
                FormatError::new("it is left out, and its type has far more values than there are bytes")
            })?;
            if open.len() > MAX_OPEN {
                return Err(FormatError::new("it is left out, and nested too deep to be skipped"));
            }
            match next {
                Open::Value(node) => self.skip_value(node, &mut open)?,
                Open::Fields(fields) => {
                    if let Some((field, rest)) = fields.split_first() {
                        if !rest.is_empty() {
                            open.push(Open::Fields(rest));
                        }
                        open.push(Open::Value(field.node));
                    }
                }
                Open::Items { node, left: 0, has_keys } => {
                    let count = self.long()?;
                    let mut left = count.unsigned_abs();
                    if count < 0 {
                        // A negative count precedes the size of the block in bytes.
                        self.block()?;
                        left = 0;
                    }
                    if count != 0 {
                        open.push(Open::Items { node, left, has_keys });
                    }
                }
                Open::Items { node, left, has_keys } => {
                    open.push(Open::Items { node, left: left - 1, has_keys });
                    if has_keys {
                        self.block()?;
                    }
                    open.push(Open::Value(node));
                }
            }
        }
        Ok(())
    }

    fn skip_value(&mut self, node: usize, open: &mut Vec<Open<'a>>) -> Result<(), FormatError> {
        let node = self.branch(node)?;
        let nodes = self.nodes;
        match &nodes[node] {
            Node::Array(items) => open.push(Open::Items { node: *items, left: 0, has_keys: false }),
            Node::Map(values) => open.push(Open::Items { node: *values, left: 0, has_keys: true }),
            Node::Record(fields) => open.push(Open::Fields(fields)),
            Node::Refused { base, .. } => self.skip_scalar(base)?,
            // A branch of a union that is a union itself.
            Node::Union(_) => open.push(Open::Value(node)),
            scalar => self.skip_scalar(scalar)?,
        }
        Ok(())
    }

    fn skip_scalar(&mut self, node: &Node) -> Result<(), FormatError> {
        match node {
            Node::Boolean => self.take(1).map(drop),
            Node::Int(_) | Node::Long(_) | Node::Enum(_) => self.long().map(drop),
            Node::Float => self.take(4).map(drop),
            Node::Double => self.take(8).map(drop),
            Node::Bytes
            | Node::String
            | Node::LogicalText(_)
            | Node::DecimalBytes(_)
            | Node::BigDecimal
            | Node::UuidBytes => self.block().map(drop),
            Node::Fixed(size) | Node::DecimalFixed { size, .. } => self.take(*size).map(drop),
            Node::UuidFixed => self.take(16).map(drop),
            Node::VariableScaleDecimal => {
                self.long()?;
                self.block().map(drop)
            }
            Node::Null => Ok(()),
            Node::Pending | Node::Array(_) | Node::Map(_) | Node::Union(_) | Node::Record(_) | Node::Refused { .. } => {
                Err(FormatError::new("the schema cannot be followed"))
            }
        }
    }
}
