//! Holds what the core does against the promises.

use super::{
    super::{
        cost::Cost,
        event::{CallPart, Drained, Effect, LaneProgress, Notice, OutcomeCounts, ValveName},
        fifo::Fifo,
        ids::LaneId,
        moment::Moment,
        tables::Tables,
    },
    answers::serial,
    seen::{Outcome, Seen, SeenLane, forbids},
    steps::Bounds,
};
use crate::record::{Command, PlaceName};

#[derive(Default)]
pub(super) struct Judge {
    pub(super) records: Vec<Seen>,
    pub(super) lanes: Vec<SeenLane>,
    breaker_is_open: bool,
    /// The places that the org refuses.
    refused: Vec<PlaceName>,
    /// The places of the calls on the wire, for each whether it was refused when the call was sent.
    calls: Vec<(PlaceName, bool)>,
    /// The budget of what is working, as it is counted outside.
    pub(super) working: Cost,
}

pub(super) type Checked = Result<(), String>;

pub(super) fn expect(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(what()) }
}

impl Judge {
    /// A part of a call is sent.
    pub(super) fn sent(&mut self, part: &CallPart, bounds: &Bounds, now: Moment) -> Checked {
        let count = part.rows.len();
        let commands = part.rows.iter().filter_map(|row| row.body.command());
        let bytes: usize = commands.map(Command::row_len).sum();
        let fits = (1..=bounds.rows).contains(&count) && (count == 1 || bytes <= bounds.bytes);
        expect(fits, || format!("a call of {count} rows and {bytes} bytes"))?;
        let place = part.key.place();
        let is_refused = self.refused.contains(&place);
        let probes = self.calls.iter().filter(|(_, is_refused)| *is_refused);
        let (all, own) = (probes.clone().count(), probes.filter(|(other, _)| *other == place).count());
        expect(!is_refused || count == 1 && all < 2 && own == 0, || {
            format!("{place} is refused: {count} rows are sent beside {own} of its probes, and {all} in all")
        })?;
        self.calls.push((place, is_refused));
        let rows: Vec<_> = part.rows.iter().map(|row| serial(&row.body)).collect();
        let parents: Vec<_> = rows.iter().filter_map(|row| self.records[*row].parent).collect();
        let meets = |other: &Seen| other.is_on_wire && other.parent.is_some_and(|other| parents.contains(&other));
        expect(!self.records.iter().any(meets), || "two calls at once with children of one parent".to_owned())?;
        for serial in rows {
            let why = forbids(&self.records, &self.lanes, serial, now);
            let record = &self.records[serial];
            expect(why.is_none(), || format!("{serial} is sent, but {why:?}: {record:?}"))?;
            let lane = self.lanes.iter().find(|lane| lane.id == record.lane);
            let waits = self.breaker_is_open && lane.is_some_and(|lane| lane.has_breaker);
            expect(!waits || count == 1, || format!("{serial} is sent in company, and its breaker is open"))?;
            self.records[serial].is_on_wire = true;
        }
        Ok(())
    }

    /// A part of a call has ended.
    pub(super) fn ended(&mut self, part: &CallPart) {
        let place = part.key.place();
        // Whichever was sent first: they are equal but for the time at which they were sent.
        if let Some(at) = self.calls.iter().position(|(other, _)| *other == place) {
            self.calls.remove(at);
        }
    }

    /// A dead letter is to be written.
    pub(super) fn letter(&mut self, serial: usize, lane: LaneId, now: Moment) -> Checked {
        let seen = &mut self.records[serial];
        let fits = seen.outcome == Outcome::None && !seen.is_on_wire && seen.lane == lane;
        expect(fits, || format!("a dead letter of {serial}, which is {seen:?}"))?;
        let is_held = seen.identity.is_some() && seen.held_until.is_some_and(|until| now < until);
        expect(!is_held, || format!("a dead letter of {serial}, which may still be applied"))?;
        seen.held_until = None;
        seen.outcome = Outcome::LetterPending;
        Ok(())
    }

    pub(super) fn hear(&mut self, effect: Effect, now: Moment) -> Checked {
        match effect {
            Effect::OutcomeCounts { lane, books: OutcomeCounts { written, dropped, .. } } => {
                let Some(lane) = self.lane(lane) else { return Err("books of no lane".to_owned()) };
                lane.books[0] += written.len();
                lane.books[2] += dropped.len();
            }
            Effect::Progress { lane, progress: LaneProgress { settled, records, .. } } => {
                let Some(lane) = self.lane(lane) else { return Err("progress of no lane".to_owned()) };
                lane.left += records;
                if let Some(settled) = settled {
                    let goes_on = settled >= lane.committed;
                    lane.committed = settled + 1;
                    return expect(goes_on, || format!("progress goes back to {settled}"));
                }
            }
            Effect::Budget { working, .. } => self.working.changes(working),
            Effect::Drain { lane } => {
                if let Some(lane) = self.lane(lane) {
                    lane.must_drain = true;
                }
            }
            Effect::Drained { lane, drained } => return self.drained(lane, drained, now),
            Effect::Notice(Notice::BreakerOpened { .. }) => self.breaker_is_open = true,
            Effect::Notice(Notice::BreakerClosed { .. }) => self.breaker_is_open = false,
            Effect::Notice(Notice::ValveClosed { valve: ValveName::Place(place), .. }) => self.refused.push(place),
            Effect::Notice(Notice::ValveOpened { valve: ValveName::Place(place), .. }) => {
                self.refused.retain(|other| *other != place);
            }
            Effect::Notice(Notice::DrainCutShort { lane, .. }) => self.is_unclean(lane),
            Effect::Call { .. }
            | Effect::Letter { .. }
            | Effect::Probe
            | Effect::Ruled { .. }
            | Effect::Stop(_)
            | Effect::Notice(_) => {}
        }
        Ok(())
    }

    fn drained(&mut self, id: LaneId, drained: Drained, now: Moment) -> Checked {
        let mine = self.records.iter().filter(|record| record.lane == id);
        let is_on_wire = mine.clone().any(|record| record.is_on_wire);
        expect(!is_on_wire, || format!("{id:?} is drained, and a record of it is on the wire"))?;
        let held = |record: &Seen| !record.outcome.is_durable() && record.held_until.is_some_and(|held| now < held);
        expect(!mine.clone().any(held), || format!("{id:?} is drained, and a record of it is held"))?;
        let Some(lane) = self.lanes.iter().find(|lane| lane.id == id) else { return Err("no lane".to_owned()) };
        let repeats = mine.clone().any(|record| record.offset >= lane.committed && record.outcome.is_durable());
        expect(drained == Drained::CutShort || !repeats, || format!("{id:?}: a whole drain repeats records"))?;
        let is_explained = lane.is_unclean || lane.must_drain;
        expect(drained == Drained::Whole || is_explained, || format!("{id:?}: a drain is cut short for nothing"))?;
        let before = |record: &Seen| lane.failed_at.is_some_and(|failed| record.offset < failed);
        let left = mine.clone().find(|record| before(record) && !record.outcome.is_durable());
        expect(left.is_none(), || format!("{id:?}: a record before one that has failed has no outcome: {left:?}"))?;
        if let Some(lane) = self.lane(id) {
            lane.drained = Some(drained);
        }
        Ok(())
    }

    /// What holds after each event.
    pub(super) fn look(&self, tables: &Tables) -> Checked {
        for lane in &self.lanes {
            let mine = self.records.iter().filter(|record| record.lane == lane.id);
            let passed = mine.clone().find(|record| record.offset < lane.committed && !record.outcome.is_durable());
            expect(passed.is_none(), || format!("an offset has passed a record without an outcome: {passed:?}"))?;
            let fifo = tables.lanes.find(lane.id).and_then(|lane| tables.lanes.all.get(lane)).map(|lane| &lane.fifo);
            let open = fifo.map_or(0, |fifo| fifo.open().count());
            let (read, settled) = (mine.clone().count(), lane.books.iter().sum::<usize>());
            expect(read == settled + open, || format!("{read} read, {:?} settled, {open} in flight", lane.books))?;
            expect(lane.is_open() == fifo.is_some(), || format!("{:?} is open, or not", lane.id))?;
            if lane.is_open() {
                let prefix = mine.clone().take_while(|record| record.outcome.is_durable()).last();
                let committed = prefix.map_or(0, |record| record.offset + 1);
                expect(committed == lane.committed, || format!("{} is committed, not {committed}", lane.committed))?;
                let length = fifo.map_or(0, Fifo::len);
                expect(read == lane.left + length, || format!("{} of {read} have left, {length} not", lane.left))?;
            }
        }
        Ok(())
    }

    /// The letter of a record has failed.
    pub(super) fn failed(&mut self, id: LaneId, serial: usize) {
        let offset = self.records[serial].offset;
        let Some(lane) = self.lane(id) else { return };
        let is_first = !lane.is_unclean && !lane.is_draining;
        lane.failed_at = match lane.failed_at {
            Some(failed) => Some(failed.min(offset)),
            None => is_first.then_some(offset),
        };
        lane.is_unclean = true;
    }

    pub(super) fn is_unclean(&mut self, id: LaneId) {
        if let Some(lane) = self.lane(id) {
            lane.is_unclean = true;
            lane.failed_at = None;
        }
    }

    pub(super) fn lane(&mut self, id: LaneId) -> Option<&mut SeenLane> {
        self.lanes.iter_mut().find(|lane| lane.id == id)
    }
}
