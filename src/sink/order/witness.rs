//! Whether the org itself, or only one place, refuses calls.
//!
//! A refusal closes its place at once. If a call of another place that was sent after it is taken, that was all. If not,
//! one call that writes nothing, `GET /services/data/vNN`, asks: what it meets is the state of the org.

use std::time::Duration;

use super::{ids::PlaceIndex, moment::Moment};

/// The least time between two of these calls.
const INTERVAL: Duration = Duration::from_secs(10);
/// The time for which the answer to a call of another place is waited for before that.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Witness {
    /// When the latest calls that were taken had been sent: of the place that had the last one, and of another one.
    taken: [Option<(Moment, PlaceIndex)>; 2],
    /// The refused call that is asked about: its time, its place, and when the question is due.
    question: Option<(Moment, PlaceIndex, Moment)>,
    /// The time at which the next question may be asked.
    next: Moment,
}

impl Witness {
    /// Notes that a call which was sent at this time was taken.
    pub(super) fn taken(&mut self, place: PlaceIndex, sent: Moment) {
        if self.question.is_some_and(|(refused, of, _)| of != place && sent > refused) {
            self.question = None;
        }
        let [last, other] = &mut self.taken;
        match last {
            Some((at, known)) if *known == place => *at = sent.max(*at),
            _ => *other = last.replace((sent, place)),
        }
    }

    /// Notes that a call which was sent at this time was refused. `is_answer_near`: a call of another place is on the
    /// wire, whose answer may tell.
    pub(super) fn refused(&mut self, place: PlaceIndex, sent: Moment, now: Moment, is_answer_near: bool) {
        let tells = |(at, other): &(Moment, PlaceIndex)| *other != place && *at > sent;
        if self.question.is_some() || self.taken.iter().flatten().any(tells) {
            return;
        }
        let due = if is_answer_near { now.plus(PATIENCE) } else { now };
        self.question = Some((sent, place, due.max(self.next)));
    }

    /// The time at which the question is to be asked, if there is one.
    pub(super) fn due(&self) -> Option<Moment> {
        self.question.map(|(.., due)| due)
    }

    /// Notes that the question is asked, or needs not be asked any more.
    pub(super) fn asked(&mut self, now: Moment) {
        self.question = None;
        self.next = now.plus(INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{ids::PlaceKind, slab::Slab},
        *,
    };

    fn at(seconds: u64) -> Moment {
        Moment::after(Duration::from_secs(seconds))
    }

    fn places() -> [PlaceIndex; 3] {
        let mut slab: Slab<PlaceKind, ()> = Slab::default();
        [(); 3].map(|()| slab.insert(()))
    }

    #[test]
    fn a_later_call_of_another_place_answers_the_question() {
        let [x, y, z] = places();
        let mut witness = Witness::default();
        witness.taken(y, at(3));
        witness.taken(x, at(5));
        witness.refused(x, at(2), at(6), false);
        assert_eq!(witness.due(), None, "a later call of y was taken");
        witness.refused(x, at(4), at(6), true);
        assert_eq!(witness.due(), Some(at(7)), "only one of x itself");
        witness.taken(x, at(9));
        witness.taken(z, at(4));
        assert_eq!(witness.due(), Some(at(7)), "a call of x, and one that was sent before");
        witness.taken(z, at(5));
        assert_eq!(witness.due(), None);
    }

    #[test]
    fn questions_are_ten_seconds_apart() {
        let [x, ..] = places();
        let mut witness = Witness::default();
        witness.refused(x, at(1), at(2), false);
        assert_eq!(witness.due(), Some(at(2)));
        witness.asked(at(2));
        assert_eq!(witness.due(), None);
        witness.refused(x, at(3), at(4), false);
        assert_eq!(witness.due(), Some(at(12)));
    }
}
