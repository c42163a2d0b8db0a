//! Forms groups of rows, and takes them apart.

use super::{
    ids::{GroupIndex, QueueIndex, RowIndex},
    pinned::{Group, GroupHistory, Until},
    row::State,
    scope::Scope,
    tables::Tables,
    waits::Wait,
};

impl Tables {
    /// Forms a group of rows, which leave their lists for it. `None` without rows.
    pub(super) fn form(
        &mut self,
        queue: QueueIndex,
        rows: Vec<RowIndex>,
        past: GroupHistory,
        until: Until,
    ) -> Option<GroupIndex> {
        if rows.is_empty() {
            return None;
        }
        let order = self.next_order();
        let at = match until {
            Until::Permit | Until::Open => None,
            Until::Backoff(at) | Until::Hold(at) => Some((at, order)),
        };
        let group =
            self.groups.insert(Group { queue, rows: Vec::with_capacity(rows.len()), past, probe: None, due: at });
        let state = match until {
            Until::Permit => State::Pinned(group),
            Until::Backoff(_) => State::Delayed(group),
            Until::Hold(_) => State::Held(group),
            Until::Open => State::Barred(group),
        };
        for row in rows {
            self.set(row, state, self.now);
        }
        if let Some(due) = at {
            self.waits.insert(due, Wait::Group(group));
        }
        Some(group)
    }

    /// Forms a group that waits for a permit, after all groups that do so already; or, while its place is refused, until
    /// that opens.
    pub(super) fn pin(&mut self, queue: QueueIndex, rows: Vec<RowIndex>, past: GroupHistory) {
        let place = self.place_of(queue).filter(|place| self.places.is_refused(*place));
        let Some(at) = place else {
            let group = self.form(queue, rows, past, Until::Permit);
            self.pinned.extend(group);
            return;
        };
        let group = self.form(queue, rows, past, Until::Open);
        if let Some(place) = self.places.get_mut(at) {
            place.barred.extend(group);
        }
        self.plan_probe(Scope::Place(at));
    }

    /// Pins rows as two groups, each a half of them, in order.
    pub(super) fn halve(&mut self, queue: QueueIndex, mut rows: Vec<RowIndex>, past: &GroupHistory) {
        let tail = rows.split_off(rows.len().div_ceil(2));
        for half in [rows, tail] {
            let past = past.of_half(half.len());
            self.pin(queue, half, past);
        }
    }

    /// Takes a group apart. Its rows are in no list afterwards.
    pub(super) fn dissolve(&mut self, index: GroupIndex) -> Option<Group> {
        let group = self.groups.remove(index)?;
        for row in &group.rows {
            self.set(*row, State::Unlisted, self.now);
        }
        Some(group)
    }

    /// Removes a group that has no rows left.
    pub(super) fn drop_empty(&mut self, index: GroupIndex) {
        if !self.groups.get(index).is_some_and(|group| group.rows.is_empty()) {
            return;
        }
        self.pinned.retain(|other| *other != index);
        let Some(group) = self.groups.remove(index) else { return };
        if let Some(at) = self.place_of(group.queue)
            && let Some(place) = self.places.get_mut(at).filter(|place| place.barred.contains(&index))
        {
            place.barred.retain(|other| *other != index);
            self.emptied.push(Scope::Place(at));
        }
        if let Some(due) = group.due {
            self.waits.remove(due);
        }
        if let Some(scope) = group.probe {
            self.end_probe(scope);
        }
    }
}
