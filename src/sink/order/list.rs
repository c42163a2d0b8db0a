use super::{
    ids::RowIndex,
    row::{Links, Row, Rows},
};

/// An intrusive list of rows. A row is in at most one, beside its [`Chain`].
#[derive(Debug, Default)]
pub(super) struct List {
    ends: Ends,
    len: usize,
}

/// The rows of one identity, in the order in which they came: an intrusive list with links of its own.
#[derive(Debug, Default)]
pub(super) struct Chain(Ends);

#[derive(Debug, Default)]
struct Ends {
    first: Option<RowIndex>,
    last: Option<RowIndex>,
}

/// Selects one of the two pairs of links of a row.
type Of = fn(&mut Row) -> &mut Links;

impl List {
    pub(super) fn push_back(&mut self, rows: &mut Rows, row: RowIndex) {
        self.ends.append(rows, row, |row| &mut row.links);
        self.len += 1;
    }

    pub(super) fn push_front(&mut self, rows: &mut Rows, row: RowIndex) {
        if let Some(this) = rows.get_mut(row) {
            this.links = Links { before: None, after: self.ends.first };
        }
        match self.ends.first.and_then(|first| rows.get_mut(first)) {
            Some(first) => first.links.before = Some(row),
            None => self.ends.last = Some(row),
        }
        self.ends.first = Some(row);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, rows: &mut Rows, row: RowIndex) {
        self.ends.unlink(rows, row, |row| &mut row.links);
        self.len = self.len.saturating_sub(1);
    }

    pub(super) fn first(&self) -> Option<RowIndex> {
        self.ends.first
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn iter<'r>(&self, rows: &'r Rows) -> impl Iterator<Item = RowIndex> + 'r {
        let next = |row: &RowIndex| rows.get(*row)?.links.after;
        std::iter::successors(self.ends.first, next)
    }
}

impl Chain {
    pub(super) fn push_back(&mut self, rows: &mut Rows, row: RowIndex) {
        self.0.append(rows, row, |row| &mut row.chain);
    }

    pub(super) fn remove(&mut self, rows: &mut Rows, row: RowIndex) {
        self.0.unlink(rows, row, |row| &mut row.chain);
    }

    pub(super) fn first(&self) -> Option<RowIndex> {
        self.0.first
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.first.is_none()
    }

    pub(super) fn iter<'r>(&self, rows: &'r Rows) -> impl Iterator<Item = RowIndex> + 'r {
        let next = |row: &RowIndex| rows.get(*row)?.chain.after;
        std::iter::successors(self.0.first, next)
    }
}

impl Ends {
    fn append(&mut self, rows: &mut Rows, row: RowIndex, of: Of) {
        if let Some(this) = rows.get_mut(row) {
            *of(this) = Links { before: self.last, after: None };
        }
        match self.last.and_then(|last| rows.get_mut(last)) {
            Some(last) => of(last).after = Some(row),
            None => self.first = Some(row),
        }
        self.last = Some(row);
    }

    fn unlink(&mut self, rows: &mut Rows, row: RowIndex, of: Of) {
        let Some(links) = rows.get_mut(row).map(|row| std::mem::take(of(row))) else { return };
        match links.before.and_then(|before| rows.get_mut(before)) {
            Some(before) => of(before).after = links.after,
            None => self.first = links.after,
        }
        match links.after.and_then(|after| rows.get_mut(after)) {
            Some(after) => of(after).before = links.before,
            None => self.last = links.before,
        }
    }
}
