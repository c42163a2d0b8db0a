//! The progress of a partition: the offset that may be committed, and the leader epoch that belongs to it.
//!
//! A topic holds more than records. A transaction ends with a marker, an aborted one leaves records that nothing reads,
//! and both take offsets. After the last record there may be any number of them, and a committed offset that stays
//! before them is a lag that never ends, and looks like lost records once retention has deleted them. So the source
//! says how far it has read beyond its last record, and that counts as soon as this record is settled.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// The offset from which a partition is read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextOffset {
    pub offset: i64,
    /// The leader epoch of the record before that offset; `None` where it is not known.
    pub leader_epoch: Option<i32>,
}

/// The next offset to commit of one partition.
#[derive(Debug)]
pub struct Progress(Mutex<State>);

#[derive(Debug)]
struct State {
    /// The offset after the last record that is settled.
    settled: i64,
    /// Leader epochs, each with the first offset that has it. The first of them is that of the last settled record.
    epochs: VecDeque<(i64, Option<i32>)>,
    beyond: Option<Beyond>,
}

/// The offsets from `from` up to `next`, which hold no record.
#[derive(Debug, Clone, Copy)]
struct Beyond {
    from: i64,
    next: NextOffset,
}

impl From<i64> for NextOffset {
    /// An offset whose leader epoch is not known.
    fn from(offset: i64) -> Self {
        Self { offset, leader_epoch: None }
    }
}

impl Progress {
    pub fn new(start: impl Into<NextOffset>) -> Self {
        let NextOffset { offset, leader_epoch } = start.into();
        let epochs = VecDeque::from([(offset - 1, leader_epoch)]);
        Self(Mutex::new(State { settled: offset, epochs, beyond: None }))
    }

    pub fn next_offset(&self) -> i64 {
        self.next().offset
    }

    /// The offset to commit.
    pub fn next(&self) -> NextOffset {
        self.0.lock().next()
    }

    /// Notes that a record was read. Records are read in the order of the partition.
    pub fn read(&self, offset: i64, leader_epoch: Option<i32>) {
        let mut state = self.0.lock();
        if state.epochs.back().is_none_or(|(_, last)| *last != leader_epoch) {
            state.epochs.push_back((offset, leader_epoch));
        }
    }

    /// Notes that everything before `next` was read, and that there was no record from `read_to` on.
    pub fn passed_over(&self, read_to: i64, next: NextOffset) {
        let mut state = self.0.lock();
        let from = state.beyond.filter(|beyond| beyond.next.offset == read_to).map_or(read_to, |beyond| beyond.from);
        state.beyond = Some(Beyond { from, next });
    }

    /// Notes that all records up to this one are settled.
    pub(crate) fn settled(&self, offset: i64) {
        let mut state = self.0.lock();
        assert!(state.settled <= offset, "offset {offset} settled after {}", state.settled);
        state.settled = offset + 1;
        while state.epochs.get(1).is_some_and(|(first, _)| *first <= offset) {
            state.epochs.pop_front();
        }
    }
}

impl State {
    fn next(&self) -> NextOffset {
        match self.beyond {
            Some(Beyond { from, next }) if from == self.settled => next,
            _ => NextOffset { offset: self.settled, leader_epoch: self.epochs.front().and_then(|(_, epoch)| *epoch) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64, epoch: i32) -> NextOffset {
        NextOffset { offset, leader_epoch: Some(epoch) }
    }

    #[test]
    fn an_offset_has_the_epoch_of_the_record_before_it() {
        let progress = Progress::new(at(10, 3));
        assert_eq!(progress.next(), at(10, 3), "as it was committed");
        for (offset, epoch) in [(10, 3), (11, 4), (12, 4), (14, 6)] {
            progress.read(offset, Some(epoch));
        }
        assert_eq!(progress.next(), at(10, 3), "nothing is settled");
        for (offset, next) in [(10, at(11, 3)), (11, at(12, 4)), (12, at(13, 4)), (14, at(15, 6))] {
            progress.settled(offset);
            assert_eq!(progress.next(), next);
        }
        progress.read(15, None);
        progress.settled(15);
        assert_eq!(progress.next(), NextOffset::from(16));
    }

    #[test]
    fn offsets_without_a_record_are_passed_over_once_the_last_record_is_settled() {
        let progress = Progress::new(5);
        progress.read(5, Some(1));
        progress.read(6, Some(1));
        progress.passed_over(7, at(8, 1));
        assert_eq!(progress.next_offset(), 5);
        progress.settled(5);
        assert_eq!(progress.next_offset(), 6, "record 6 is not settled");
        progress.passed_over(8, at(20, 2));
        progress.settled(6);
        assert_eq!(progress.next(), at(20, 2), "both markers");
        progress.passed_over(20, at(21, 2));
        assert_eq!(progress.next(), at(21, 2));
        progress.read(21, Some(2));
        assert_eq!(progress.next_offset(), 21);
        progress.settled(21);
        assert_eq!(progress.next(), at(22, 2));
    }

    #[test]
    fn offsets_passed_over_before_an_unsettled_record_do_not_count() {
        let progress = Progress::new(5);
        progress.read(5, None);
        progress.passed_over(6, at(8, 1));
        progress.read(8, Some(1));
        progress.passed_over(9, at(10, 1));
        progress.settled(5);
        assert_eq!(progress.next_offset(), 6, "8 would do as well");
        progress.settled(8);
        assert_eq!(progress.next_offset(), 10);
    }

    #[test]
    fn markers_before_the_first_record_are_passed_over() {
        let progress = Progress::new(at(5, 0));
        progress.passed_over(5, at(6, 1));
        assert_eq!(progress.next(), at(6, 1));
    }
}
