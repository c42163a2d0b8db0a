use bytestring::ByteString;

use super::{ApiName, message::Span};

/// The fields of one row: names as Salesforce spells them, and JSON values. A value that the record holds already is a
/// range of its text.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// The text of the record's object.
    text: ByteString,
    /// Values that were made for the row, one after the other. They count as if they followed the text.
    #[expect(clippy::box_collection, reason = "few rows have any, and every row has this field")]
    made: Option<Box<String>>,
    list: Vec<RowField>,
}

#[derive(Debug, Clone)]
struct RowField {
    name: ApiName,
    json: Span,
}

impl Fields {
    /// The size of two quotes, a colon and a comma around a name and a value.
    const PUNCTUATION: usize = 4;

    /// No fields yet, with room for the given number of them. `text`: the text in which most of their values lie.
    pub fn new(text: ByteString, fields: usize) -> Self {
        Self { text, made: None, list: Vec::with_capacity(fields) }
    }

    /// The memory that the fields take besides the record's own bytes, in bytes.
    pub fn charge(&self) -> usize {
        let made = self.made.as_ref().map_or(0, |made| size_of::<String>() + made.capacity());
        self.list.capacity() * size_of::<RowField>() + made
    }

    /// Adds a field. `json` is one valid JSON value. It is copied unless it is a part of the text.
    pub fn push(&mut self, name: ApiName, json: &str) {
        let start = self.place_of(json).unwrap_or_else(|| {
            let made = self.made.get_or_insert_default();
            made.push_str(json);
            self.text.len() + made.len() - json.len()
        });
        self.list.push(RowField { name, json: Span::new(start..start + json.len()) });
    }

    /// The place of `json` in the text, if it is a part of it.
    fn place_of(&self, json: &str) -> Option<usize> {
        let start = json.as_ptr().addr().checked_sub(self.text.as_ptr().addr())?;
        (start + json.len() <= self.text.len()).then_some(start)
    }

    /// Takes out the fields of these names.
    pub fn remove(&mut self, names: &[ApiName]) {
        self.list.retain(|field| !names.contains(&field.name));
    }

    /// Names are the same if they come from the same place of one describe.
    pub fn has(&self, name: &ApiName) -> bool {
        self.list.iter().any(|field| field.name.is_same_copy(name))
    }

    /// The JSON of a field that is there. Names are the same if they come from the same place of one describe.
    pub fn get(&self, name: &ApiName) -> Option<&str> {
        self.list.iter().find(|field| field.name.is_same_copy(name)).map(|field| self.json(field))
    }

    /// The size of the fields in a row, in bytes: names, values, and the punctuation around them.
    pub fn row_len(&self) -> usize {
        self.list.iter().map(|field| field.name.len() + field.json.len() + Self::PUNCTUATION).sum()
    }

    /// Names and raw JSON values, in the order of the record.
    pub fn iter(&self) -> impl Iterator<Item = (&ApiName, &str)> {
        self.list.iter().map(|field| (&field.name, self.json(field)))
    }

    fn json(&self, field: &RowField) -> &str {
        let (start, end) = (field.json.start as usize, field.json.end as usize);
        match (&self.made, start.checked_sub(self.text.len())) {
            (Some(made), Some(start)) => &made[start..end - self.text.len()],
            _ => &self.text[start..end],
        }
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_text_are_not_copied_and_others_follow_it() {
        let text = ByteString::from_static(r#"{"A":1,"B":"two","C":null}"#);
        let mut fields = Fields::new(text.clone(), 4);
        let own = fields.charge();
        fields.push("A".into(), &text[5..6]);
        fields.push("B".into(), &text[11..16]);
        assert_eq!(fields.charge(), own, "nothing is copied");
        fields.push("M".into(), "false");
        fields.push("C".into(), &text[21..25]);
        fields.push("N".into(), "\"made\"");
        assert!(fields.charge() > own);
        let all = || fields.iter().map(|(name, json)| format!("{name}={json}")).collect::<Vec<_>>();
        assert_eq!(all(), ["A=1", "B=\"two\"", "M=false", "C=null", "N=\"made\""]);
        assert_eq!(fields.row_len(), all().iter().map(|field| field.len() + 3).sum::<usize>());
        fields.remove(&["M".into(), "A".into()]);
        assert_eq!(fields.iter().map(|(_, json)| json).collect::<Vec<_>>(), ["\"two\"", "null", "\"made\""]);
    }

    #[test]
    fn without_a_text_every_value_is_kept() {
        let mut fields = Fields::default();
        fields.push("A".into(), "1");
        fields.push("B".into(), "");
        fields.push("C".into(), "2");
        assert_eq!(fields.iter().map(|(_, json)| json).collect::<Vec<_>>(), ["1", "", "2"]);
    }
}
