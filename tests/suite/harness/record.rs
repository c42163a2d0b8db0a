//! Records as they are written and read by foreign clients.

use serde::Deserialize;

/// A record to write.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) timestamp: Option<i64>,
}

/// A record of this key and this value, without a header.
pub(crate) fn record(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Record {
    Record { key: Some(key.into()), value: Some(value.into()), ..Record::default() }
}

/// A value with one text field: what most tests write.
pub(crate) fn upsert(key: &str, text: &str) -> Record {
    record(key, format!(r#"{{"Text__c":"{text}"}}"#))
}

/// A record whose header says DELETE.
pub(crate) fn delete(key: &str) -> Record {
    Record { key: Some(key.into()), ..Record::default() }.operation("DELETE")
}

impl Record {
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), Some(value.as_ref().to_vec())));
        self
    }

    pub(crate) fn null_header(mut self, name: &str) -> Self {
        self.headers.push((name.to_owned(), None));
        self
    }

    /// The operation header that the suites' routes read.
    pub(crate) fn operation(self, word: &str) -> Self {
        self.header("operation", word)
    }

    pub(crate) fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    pub(crate) fn timestamp(mut self, millis: i64) -> Self {
        self.timestamp = Some(millis);
        self
    }

    pub(crate) fn no_key(mut self) -> Self {
        self.key = None;
        self
    }

    pub(crate) fn no_value(mut self) -> Self {
        self.value = None;
        self
    }

    /// A line of the input of `tests/python/produce.py`.
    pub(crate) fn line(&self, topic: &str) -> String {
        let hex = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(to_hex);
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name, hex(value))).collect();
        serde_json::json!({
            "topic": topic, "partition": self.partition, "timestamp": self.timestamp,
            "key": hex(&self.key), "value": hex(&self.value), "headers": headers,
        })
        .to_string()
    }
}

/// A record that was read; key, value and headers byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Read {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    #[serde(deserialize_with = "from_hex")]
    pub(crate) key: Option<Vec<u8>>,
    #[serde(deserialize_with = "from_hex")]
    pub(crate) value: Option<Vec<u8>>,
    headers: Vec<(String, Option<String>)>,
}

impl Read {
    /// All headers in their order.
    pub(crate) fn headers(&self) -> Vec<(&str, Option<Vec<u8>>)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref().map(bytes))).collect()
    }

    /// The text of the last header of this name: a letter that fails twice carries the newest last.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let value = self.headers.iter().rfind(|(header, _)| header == name)?.1.as_deref()?;
        Some(String::from_utf8(bytes(value)).expect("a header of UTF-8 text"))
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).expect("hex digits"))
        .collect()
}

pub(super) fn from_hex<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.as_deref().map(bytes))
}
