//! Answers of queries, page by page, and the cursors between the pages.

use std::collections::VecDeque;

use serde::Serialize;

use crate::{
    protocol::{Answer, ApiError},
    rows::row_json,
    store::Store,
    value::RecordId,
};

/// Open cursors; the oldest is closed first (10 for a user: SOQL limits of the official guide).
const MAX_CURSORS: usize = 10;

#[derive(Debug, Default)]
pub(crate) struct Cursors {
    open: VecDeque<Cursor>,
    opened: u64,
}

#[derive(Debug, Clone)]
struct Cursor {
    locator: String,
    place: usize,
    fields: Vec<usize>,
    ids: Vec<RecordId>,
}

/// Key order as recorded.
#[derive(Serialize)]
struct Page<T> {
    #[serde(rename = "totalSize")]
    total_size: usize,
    done: bool,
    #[serde(rename = "nextRecordsUrl", skip_serializing_if = "Option::is_none")]
    next_records_url: Option<String>,
    records: Vec<T>,
}

/// The answer of a `COUNT()`.
pub(crate) fn count(rows: usize) -> Answer {
    Answer::json(200, &Page::<()> { total_size: rows, done: true, next_records_url: None, records: Vec::new() })
}

/// The first page of a query's answer.
pub(crate) fn page(
    store: &Store,
    cursors: &mut Cursors,
    version: u32,
    (place, fields, ids): (usize, Vec<usize>, Vec<RecordId>),
    size: usize,
) -> Answer {
    cursors.opened += 1;
    let locator = format!("01gSB{:010}AAA", cursors.opened);
    let cursor = Cursor { locator, place, fields, ids };
    let answer = cursor.page(store, version, 0, size);
    if cursor.ids.len() > size {
        if cursors.open.len() == MAX_CURSORS {
            cursors.open.pop_front();
        }
        cursors.open.push_back(cursor);
    }
    answer
}

impl Cursors {
    /// The page that a `nextRecordsUrl` names.
    pub(crate) fn next(&self, store: &Store, version: u32, name: &str, size: usize) -> Result<Answer, ApiError> {
        let invalid = || ApiError::parse("INVALID_QUERY_LOCATOR", "invalid query locator");
        let (locator, offset) = name.rsplit_once('-').ok_or_else(invalid)?;
        let offset = offset.parse().map_err(|_| invalid())?;
        let cursor = self.open.iter().find(|cursor| cursor.locator == locator).ok_or_else(invalid)?;
        if offset < cursor.ids.len() { Ok(cursor.page(store, version, offset, size)) } else { Err(invalid()) }
    }
}

impl Cursor {
    fn page(&self, store: &Store, version: u32, offset: usize, size: usize) -> Answer {
        let table = &store.tables[self.place];
        let end = (offset + size.max(1)).min(self.ids.len());
        let ids = self.ids[offset..end].iter();
        // Records that vanished since the first page are left out.
        let records =
            ids.filter_map(|id| table.rows.get(id)).map(|record| row_json(table, record, version, &self.fields));
        let done = end == self.ids.len();
        let next_records_url = (!done).then(|| format!("/services/data/v{version}.0/query/{}-{end}", self.locator));
        let page = Page { total_size: self.ids.len(), done, next_records_url, records: records.collect() };
        Answer::json(200, &page)
    }
}
