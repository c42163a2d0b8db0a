use uuid::Uuid;

use super::schema::{Field, Node, Schema};
use crate::{
    format::{Converted, FormatError, Selection, frame::varint, logical::Logical, members, writer::Writer},
    record::LogicalType,
};

impl Schema {
    /// Converts a datum to JSON of at most `limit` bytes. Of a record or a map it reads only the selected members.
    pub(in crate::format) fn selected(
        &self,
        bytes: &[u8],
        selection: &Selection,
        limit: usize,
    ) -> Result<Converted, FormatError> {
        let mut datum = Datum { nodes: &self.nodes, bytes };
        let writer = Writer::new(bytes.len() * 2, limit);
        let root = datum.branch(self.root)?;
        let read = match &self.nodes[root] {
            Node::Record(fields) => writer.object(fields, |out, field| {
                if selection.takes(&field.name) {
                    out.member(&field.name, |out| datum.field(field, out))
                } else {
                    datum.skip(field.node).map_err(|error| error.within(&field.name))
                }
            }),
            Node::Map(values) => datum.map(*values, selection, writer),
            _ => writer.value(|out| datum.value(root, out)),
        }?;
        match datum.bytes.len() {
            0 => Ok(read),
            rest => Err(FormatError::new(format!("{rest} bytes are left after the value of the schema"))),
        }
    }
}

/// The bytes of a datum that are not read yet.
pub(super) struct Datum<'a> {
    pub(super) nodes: &'a [Node],
    pub(super) bytes: &'a [u8],
}

impl<'a> Datum<'a> {
    /// Returns the node itself or, if it is a union, the node of the branch that the bytes choose.
    pub(super) fn branch(&mut self, node: usize) -> Result<usize, FormatError> {
        let Node::Union(variants) = &self.nodes[node] else { return Ok(node) };
        let index = self.long()?;
        usize::try_from(index).ok().and_then(|index| variants.get(index)).copied().ok_or_else(|| {
            FormatError::new(format!("the union has {} branches, and none is number {index}", variants.len()))
        })
    }

    fn value(&mut self, node: usize, out: &mut Writer) -> Result<LogicalType, FormatError> {
        let node = self.branch(node)?;
        match &self.nodes[node] {
            Node::Null => Ok(out.null()),
            Node::Boolean => match self.take(1)? {
                [0] => Ok(out.boolean(false)),
                [1] => Ok(out.boolean(true)),
                other => Err(FormatError::new(format!("a boolean is 0 or 1, not {}", other[0]))),
            },
            Node::Int(logical) => {
                let value = self.long()?;
                let value = i32::try_from(value)
                    .map_err(|_| FormatError::new(format!("{value} does not fit into the 32 bits of its type")))?;
                integer(*logical, value.into(), out)
            }
            Node::Long(logical) => integer(*logical, self.long()?, out),
            Node::Float => {
                let bytes = self.array()?;
                out.float(f32::from_le_bytes(bytes))
            }
            Node::Double => {
                let bytes = self.array()?;
                out.float(f64::from_le_bytes(bytes))
            }
            Node::Bytes => Ok(out.base64(self.block()?)),
            Node::Fixed(size) => Ok(out.base64(self.take(*size)?)),
            Node::String => Ok(out.string(self.text()?)),
            Node::LogicalText(logical) => logical.write(self.text()?, out),
            Node::Enum(symbols) => {
                let index = self.long()?;
                let symbol = usize::try_from(index).ok().and_then(|index| symbols.get(index));
                let symbol = symbol.ok_or_else(|| {
                    FormatError::new(format!("the enum has {} symbols, and none is number {index}", symbols.len()))
                })?;
                Ok(out.string(symbol))
            }
            Node::DecimalBytes(scale) => Logical::unscaled(*scale, self.block()?, out),
            Node::DecimalFixed { scale, size } => Logical::unscaled(*scale, self.take(*size)?, out),
            Node::BigDecimal => {
                let mut inner = Datum { nodes: self.nodes, bytes: self.block()? };
                let unscaled = inner.block()?;
                Logical::unscaled(inner.long()?, unscaled, out)
            }
            Node::VariableScaleDecimal => {
                let scale = self.long()?;
                Logical::unscaled(scale, self.block()?, out)
            }
            Node::UuidBytes => uuid(self.block()?, out),
            Node::UuidFixed => uuid(self.take(16)?, out),
            Node::Array(items) => out.nested(['[', ']'], |out| {
                let mut at = 0;
                self.blocks(|datum| {
                    out.element(at, |out| datum.value(*items, out))?;
                    at += 1;
                    Ok(())
                })
            }),
            Node::Map(values) => out.nested(['{', '}'], |out| {
                self.blocks(|datum| {
                    let key = datum.text()?;
                    out.entry(key, |out| datum.value(*values, out))
                })
            }),
            Node::Record(fields) => out.nested(['{', '}'], |out| {
                fields.iter().try_for_each(|field| out.entry(&field.name, |out| self.field(field, out)))
            }),
            Node::Refused { why, .. } => Err(FormatError::new(*why)),
            // Neither is left by a schema that was compiled, nor by `branch`.
            Node::Pending | Node::Union(_) => Err(FormatError::new("the schema cannot be followed")),
        }
    }

    fn field(&mut self, field: &Field, out: &mut Writer) -> Result<LogicalType, FormatError> {
        if field.is_repeated {
            return Err(FormatError::new("it occurs twice (names are compared without case)"));
        }
        self.value(field.node, out)
    }

    /// Reads a map that is the whole value. Its keys are data: they may occur twice, or not be UTF-8.
    fn map(&mut self, values: usize, selection: &Selection, writer: Writer) -> Result<Converted, FormatError> {
        let read = writer.filled(|out| {
            self.blocks(|datum| {
                let key = datum.block()?;
                match std::str::from_utf8(key) {
                    Ok(key) if selection.takes(key) => out.member(key, |out| datum.value(values, out)),
                    Err(error) if !selection.is_closed() => Err(not_utf8(error)),
                    Ok(_) | Err(_) => datum.skip(values),
                }
            })
        })?;
        members::unique(read.len(), |at| read.name_at(at))?;
        Ok(Converted::Object(read))
    }

    /// Reads the items of an array or a map. They are in blocks, each with its count, and 0 after the last one.
    fn blocks(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), FormatError>) -> Result<(), FormatError> {
        loop {
            let count = self.long()?;
            if count < 0 {
                // The size of the block in bytes follows, for readers that skip it.
                self.long()?;
            }
            match count.unsigned_abs() {
                0 => return Ok(()),
                // Items may have no bytes at all: the limit of the JSON bounds their number.
                count => (0..count).try_for_each(|_| item(self))?,
            }
        }
    }

    fn text(&mut self) -> Result<&'a str, FormatError> {
        std::str::from_utf8(self.block()?).map_err(not_utf8)
    }

    /// Reads a length and that number of bytes.
    pub(super) fn block(&mut self) -> Result<&'a [u8], FormatError> {
        let len = self.long()?;
        let len = usize::try_from(len).map_err(|_| FormatError::new(format!("{len} is not a length")))?;
        self.take(len)
    }

    pub(super) fn long(&mut self) -> Result<i64, FormatError> {
        if self.bytes.is_empty() {
            return Err(ended());
        }
        let value = varint(&mut self.bytes).ok_or_else(|| FormatError::new("a number of more than 64 bits, or cut"))?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let (array, rest) = self.bytes.split_first_chunk().ok_or_else(ended)?;
        self.bytes = rest;
        Ok(*array)
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], FormatError> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or_else(ended)?;
        self.bytes = rest;
        Ok(taken)
    }
}

fn not_utf8(error: std::str::Utf8Error) -> FormatError {
    FormatError::new(format!("a text is not UTF-8: the byte at {} is invalid", error.valid_up_to()))
}

fn ended() -> FormatError {
    FormatError::new("the bytes end before the value does")
}

fn integer(logical: Option<Logical>, value: i64, out: &mut Writer) -> Result<LogicalType, FormatError> {
    match logical {
        Some(logical) => logical.integer(value, out),
        None => Ok(out.integer(value)),
    }
}

fn uuid(bytes: &[u8], out: &mut Writer) -> Result<LogicalType, FormatError> {
    let bytes = bytes.try_into().map_err(|_| FormatError::new(format!("a uuid has 16 bytes, not {}", bytes.len())))?;
    let uuid = Uuid::from_bytes(bytes);
    out.quoted(|text| text.push_str(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer())));
    Ok(LogicalType::Plain)
}
