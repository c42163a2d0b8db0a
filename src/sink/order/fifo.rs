//! The records of a lane that are in flight, in the order of the partition. Pure.
//!
//! Only the head moves the offset to commit: a record leaves when it and all before it have ended, and nothing after an
//! abandoned record is committed. So what is committed is contiguous by construction, without any arithmetic.

use std::collections::VecDeque;

use crate::mutation::{self, Mutation};

/// A FIFO of offsets. Each open one has an item, by which its owner finds the record.
#[derive(Debug)]
pub(super) struct Fifo<T> {
    /// The number of the record at the head.
    first: u64,
    slots: VecDeque<Slot<T>>,
    /// A record that has left was abandoned: it is read again, and so is everything after it.
    is_broken: bool,
    /// A record after an abandoned one is done: it is repeated.
    repeats: bool,
}

#[derive(Debug)]
struct Slot<T> {
    offset: i64,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Open(T),
    /// The outcome of the record is durable.
    Done,
    /// The record was abandoned: it has to be read again.
    Abandoned,
    /// The record has to be read again: its letter or its call has failed. The records before it still end.
    Failed,
}

/// The records that have left at the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Advance {
    pub(super) records: usize,
    /// The offset of the last one of them that may be committed.
    pub(super) settled: Option<i64>,
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self { first: 0, slots: VecDeque::new(), is_broken: false, repeats: false }
    }
}

impl<T> Fifo<T> {
    /// Appends the next record of the partition, and returns its number.
    pub(super) fn push(&mut self, offset: i64, item: T) -> u64 {
        self.slots.push_back(Slot { offset, state: State::Open(item) });
        self.first + self.slots.len() as u64 - 1
    }

    /// Ends a record whose outcome is durable. Returns its item; `None` if it has ended before.
    pub(super) fn done(&mut self, number: u64) -> Option<T> {
        self.end(number, State::Done)
    }

    /// Ends a record that is to be read again. Returns its item; `None` if it has ended before.
    pub(super) fn abandon(&mut self, number: u64) -> Option<T> {
        self.end(number, State::Abandoned)
    }

    /// Ends a record as [`Self::abandon`] does, but the records before it are not part of the tail.
    pub(super) fn fail(&mut self, number: u64) -> Option<T> {
        self.end(number, State::Failed)
    }

    fn end(&mut self, number: u64, end: State<T>) -> Option<T> {
        let position = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let slot = self.slots.get_mut(position)?;
        if !matches!(slot.state, State::Open(_)) {
            return None;
        }
        match std::mem::replace(&mut slot.state, end) {
            State::Open(item) => Some(item),
            State::Done | State::Abandoned | State::Failed => None,
        }
    }

    /// Removes the records at the head that have ended.
    pub(super) fn advance(&mut self) -> Advance {
        let mut advance = Advance { records: 0, settled: None };
        while let Some(Slot { offset, state: State::Done | State::Abandoned | State::Failed }) = self.slots.front() {
            let (offset, is_done) = (*offset, matches!(self.slots.front(), Some(Slot { state: State::Done, .. })));
            self.slots.pop_front();
            self.first += 1;
            advance.records += 1;
            self.repeats |= self.is_broken && is_done;
            self.is_broken |= !is_done;
            if !self.is_broken {
                advance.settled = Some(offset);
            }
        }
        advance
    }

    /// The open records after the last one that is done or has failed, the last one first: nothing is repeated if they
    /// are abandoned.
    pub(super) fn tail(&self) -> impl Iterator<Item = (u64, &T)> {
        let (mut first, mut last) = (self.numbered(), self.numbered().rev());
        // As a bug on request: from the front.
        let next = move || if mutation::on(Mutation::Tail) { first.next() } else { last.next() };
        let tail = std::iter::from_fn(next).take_while(|(_, slot)| !matches!(slot.state, State::Done | State::Failed));
        tail.filter_map(|(number, slot)| slot.item().map(|item| (number, item)))
    }

    /// The open records, in the order of the partition.
    pub(super) fn open(&self) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        self.numbered().filter_map(|(number, slot)| slot.item().map(|item| (number, item)))
    }

    fn numbered(&self) -> impl DoubleEndedIterator<Item = (u64, &Slot<T>)> {
        self.slots.iter().enumerate().map(|(position, slot)| (self.first + position as u64, slot))
    }

    /// The item of the oldest open record.
    pub(super) fn oldest(&self) -> Option<&T> {
        self.slots.iter().find_map(Slot::item)
    }

    /// The number of records that have not left.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Returns whether a record is done after one that is abandoned or open: it is repeated if the lane ends now.
    pub(super) fn would_repeat(&self) -> bool {
        let after = self.slots.iter().skip_while(|slot| !self.is_broken && matches!(slot.state, State::Done));
        self.repeats || after.into_iter().any(|slot| matches!(slot.state, State::Done))
    }
}

impl<T> Slot<T> {
    fn item(&self) -> Option<&T> {
        match &self.state {
            State::Open(item) => Some(item),
            State::Done | State::Abandoned | State::Failed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// All records so far, in the order of the partition.
    #[derive(Debug, Default)]
    struct Naive {
        records: Vec<Naively>,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Naively {
        Open,
        Done,
        Abandoned,
        Failed,
    }

    impl Naive {
        /// How many records have left, and how many of them are committed.
        fn left(&self) -> (usize, usize) {
            let left = self.records.iter().position(|record| *record == Naively::Open).unwrap_or(self.records.len());
            let again = |record: &Naively| matches!(record, Naively::Abandoned | Naively::Failed);
            let settled = self.records[..left].iter().position(again);
            (left, settled.unwrap_or(left))
        }

        fn tail(&self) -> Vec<u64> {
            let ends = |record: &Naively| matches!(record, Naively::Done | Naively::Failed);
            let last = self.records.iter().rposition(ends).map_or(0, |last| last + 1);
            let open = |at: &usize| self.records[*at] == Naively::Open;
            (last..self.records.len()).rev().filter(open).map(|at| at as u64).collect()
        }

        fn repeats(&self) -> bool {
            let first = self.records.iter().position(|record| *record != Naively::Done);
            first.is_some_and(|first| self.records[first..].contains(&Naively::Done))
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push(i64),
        Done(prop::sample::Index),
        Abandon(prop::sample::Index),
        Fail(prop::sample::Index),
        Advance,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1..4_i64).prop_map(Step::Push),
            3 => any::<prop::sample::Index>().prop_map(Step::Done),
            1 => any::<prop::sample::Index>().prop_map(Step::Abandon),
            1 => any::<prop::sample::Index>().prop_map(Step::Fail),
            2 => Just(Step::Advance),
        ]
    }

    proptest! {
        #[test]
        fn offsets_leave_as_from_a_list_of_all_records(steps in vec(step(), 0..60)) {
            let (mut fifo, mut naive) = (Fifo::default(), Naive::default());
            let (mut offsets, mut committed, mut left) = (Vec::<i64>::new(), None, 0);
            for step in steps {
                match step {
                    Step::Push(gap) => {
                        let offset = offsets.last().map_or(0, |last| last + gap);
                        let number = fifo.push(offset, offset);
                        prop_assert_eq!(number, offsets.len() as u64);
                        offsets.push(offset);
                        naive.records.push(Naively::Open);
                    }
                    Step::Done(_) | Step::Abandon(_) | Step::Fail(_) if offsets.is_empty() => {}
                    Step::Done(at) => {
                        let at = at.index(offsets.len());
                        let is_open = naive.records[at] == Naively::Open;
                        prop_assert_eq!(fifo.done(at as u64), is_open.then_some(offsets[at]));
                        if is_open {
                            naive.records[at] = Naively::Done;
                        }
                    }
                    Step::Abandon(at) => {
                        let at = at.index(offsets.len());
                        let is_open = naive.records[at] == Naively::Open;
                        prop_assert_eq!(fifo.abandon(at as u64), is_open.then_some(offsets[at]));
                        if is_open {
                            naive.records[at] = Naively::Abandoned;
                        }
                    }
                    Step::Fail(at) => {
                        let at = at.index(offsets.len());
                        let is_open = naive.records[at] == Naively::Open;
                        prop_assert_eq!(fifo.fail(at as u64), is_open.then_some(offsets[at]));
                        if is_open {
                            naive.records[at] = Naively::Failed;
                        }
                    }
                    Step::Advance => {
                        let before = left;
                        let advance = fifo.advance();
                        left += advance.records;
                        let (all, settled) = naive.left();
                        prop_assert_eq!(left, all);
                        committed = advance.settled.or(committed);
                        let last = settled.checked_sub(1).map(|at| offsets[at]);
                        prop_assert_eq!(committed, last);
                        prop_assert!(advance.settled.is_none() || advance.records > 0 && left > before);
                    }
                }
                let tail: Vec<_> = fifo.tail().map(|(number, _)| number).collect();
                let gone = left as u64;
                prop_assert_eq!(&tail, &naive.tail().into_iter().filter(|number| *number >= gone).collect::<Vec<_>>());
                let open = (0..offsets.len()).filter(|at| naive.records[*at] == Naively::Open);
                let open: Vec<_> = open.map(|at| (at as u64, offsets[at])).collect();
                prop_assert_eq!(fifo.open().map(|(number, item)| (number, *item)).collect::<Vec<_>>(), open.clone());
                prop_assert_eq!(fifo.oldest().copied(), open.first().map(|(_, offset)| *offset));
                prop_assert_eq!((fifo.len(), fifo.is_empty()), (offsets.len() - left, offsets.len() == left));
                prop_assert_eq!(fifo.would_repeat(), naive.repeats());
            }
        }
    }

    #[test]
    fn a_slot_takes_sixteen_bytes() {
        assert_eq!(size_of::<Slot<crate::sink::order::slab::Index<u8>>>(), 16);
    }
}
