//! Rows that wait go on in rounds, so that they share their attempts: those of one place and one doubling class of the
//! backoff have one time, and not a jitter of their own each.

use std::{collections::HashMap, time::Duration};

use super::{ids::PlaceIndex, moment::Moment};

/// The last round of each place and class.
#[derive(Debug, Default)]
pub(super) struct Rounds(HashMap<(PlaceIndex, u32), Moment>);

/// Backoffs of this class and all later ones are equally long.
const LAST_CLASS: u32 = 16;
/// With more rounds than this, those that are over are forgotten.
const MANY: usize = 64;

impl Rounds {
    /// Returns the time of the round for a row that is to wait for half of `longest` up to all of it: the one of its place
    /// and class if that is in this time, else a new one after `wait`.
    pub(super) fn join(
        &mut self,
        place: PlaceIndex,
        class: u32,
        longest: Duration,
        wait: Duration,
        now: Moment,
    ) -> Moment {
        let key = (place, class.min(LAST_CLASS));
        let (soonest, latest) = (now.plus(longest / 2), now.plus(longest));
        if let Some(round) = self.0.get(&key).filter(|round| (soonest..=latest).contains(round)) {
            return *round;
        }
        if self.0.len() > MANY {
            self.0.retain(|_, round| *round > now);
        }
        let round = now.plus(wait);
        self.0.insert(key, round);
        round
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{ids::PlaceKind, slab::Slab},
        *,
    };

    #[test]
    fn rows_of_one_place_and_class_share_a_round_that_is_neither_too_soon_nor_too_late() {
        let mut slab: Slab<PlaceKind, ()> = Slab::default();
        let [x, y] = [(); 2].map(|()| slab.insert(()));
        let millis = |millis| Moment::after(Duration::from_millis(millis));
        let mut rounds = Rounds::default();
        for (place, class, longest, now, expected) in [
            (x, 1, 2_000, 0, 1_600),
            (x, 1, 2_000, 600, 1_600),
            (x, 2, 4_000, 600, 3_800),
            (y, 1, 2_000, 600, 2_200),
            // Too soon: it would wait for less than half its time.
            (x, 1, 2_000, 700, 2_300),
            // Too late: the row may not wait that long.
            (x, 1, 500, 1_200, 1_600),
        ] {
            let longest = Duration::from_millis(longest);
            let round = rounds.join(place, class, longest, longest * 4 / 5, millis(now));
            assert_eq!(round, millis(expected), "class {class}, {longest:?} at {now}");
        }
    }
}
