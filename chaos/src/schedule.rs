//! Which faults come when: the same for the same seed. Pure; `crate::inject` injects them.
//!
//! Two tracks run side by side, each one step after the other: one strikes the replicas, the topics and the broker, and
//! one the org.

use std::time::Duration;

use rand::{Rng, RngExt as _, seq::IndexedRandom as _};

use crate::{
    action::{GroupAction, OrgAction, millis},
    fault::{Fault, Track},
    scenario::Orphans,
};

/// One step of a track.
#[derive(Debug, Clone, PartialEq)]
pub struct Step<A> {
    /// The time since the step before it.
    pub pause: Duration,
    pub fault: Fault,
    pub action: A,
}

/// The steps of both tracks.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub orphans: Orphans,
    pub group: Vec<Step<GroupAction>>,
    pub org: Vec<Step<OrgAction>>,
}

impl Schedule {
    /// A schedule out of `faults`, for this number of replicas. One seed in six leaves the group alone, and one the
    /// org.
    pub fn new(random: &mut impl Rng, faults: &[Fault], replicas: usize) -> Self {
        let orphans = Orphans::choose(random, faults);
        let (group, org): (Vec<_>, Vec<_>) =
            faults.iter().filter(|fault| orphans.allows(**fault)).partition(|fault| fault.track() == Track::Group);
        let spared = random.random_range(0..6);
        let leaves = |side, other: &[Fault]| spared == side && !other.is_empty();
        let group = if leaves(0, &org) { Vec::new() } else { pick_for_group(random, &group) };
        let in_org = random.random_range(2..=6);
        let org = if leaves(1, &group) { Vec::new() } else { pick(random, &org, in_org) };
        let mut schedule = Self { orphans, group: Vec::new(), org: Vec::new() };
        for fault in group {
            let pause = millis(random, 100..2_000);
            schedule.group.push(Step { pause, fault, action: GroupAction::choose(random, fault, replicas) });
        }
        for fault in org {
            let pause = millis(random, 100..1_500);
            schedule.org.push(Step { pause, fault, action: OrgAction::choose(random, fault, replicas, orphans) });
        }
        schedule
    }

    /// The faults of the group's track, then those of the org's.
    pub fn faults(&self) -> impl Iterator<Item = Fault> {
        let group = self.group.iter().map(|step| step.fault);
        group.chain(self.org.iter().map(|step| step.fault))
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults().any(|other| other == fault)
    }

    pub(crate) fn needs_cluster(&self) -> bool {
        self.faults().any(Fault::needs_cluster)
    }
}

/// In one seed of four the faults are those of a cluster of three brokers, of which one dies; where members may die,
/// one does.
fn pick_for_group(random: &mut impl Rng, faults: &[Fault]) -> Vec<Fault> {
    let cluster = random.random_bool(0.25) || !faults.iter().any(|fault| fault.fits(false));
    let cluster = cluster && faults.iter().any(|fault| fault.needs_cluster());
    let fitting: Vec<_> = faults.iter().copied().filter(|fault| fault.fits(cluster)).collect();
    let first = |fault: &Fault| if cluster { fault.needs_cluster() } else { fault.orphans() };
    let first: Vec<_> = fitting.iter().copied().filter(first).collect();
    let mut picked = pick(random, &first, 1);
    let more = random.random_range(1..=3) - picked.len();
    picked.extend(pick(random, &fitting, more));
    picked
}

/// Picks `count` faults, in an order by chance; those that come once are not picked again.
fn pick(random: &mut impl Rng, faults: &[Fault], count: usize) -> Vec<Fault> {
    let mut picked: Vec<Fault> = Vec::new();
    for _ in 0..count {
        let fault = faults.choose(random).copied();
        picked.extend(fault.filter(|fault| !fault.comes_once() || !picked.contains(fault)));
    }
    picked
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn of(seed: u64) -> Schedule {
        Schedule::new(&mut StdRng::seed_from_u64(seed), Fault::all(), 2)
    }

    #[test]
    fn a_seed_fixes_its_schedule_and_forty_seeds_have_nearly_all_faults() {
        assert_eq!(of(7), of(7));
        let mut seen: Vec<_> = (0..40).flat_map(|seed| of(seed).faults().collect::<Vec<_>>()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() >= Fault::all().len() - 3, "{seen:?}");
    }

    #[test]
    fn a_third_of_hung_and_cut_calls_is_applied_later_but_none_where_a_member_may_die() {
        let (mut all, mut late) = (0, 0);
        for schedule in (0..2_000).map(of) {
            let script = |step: &Step<OrgAction>| match &step.action {
                OrgAction::Script(script) => script["do"]["kind"].as_str().map(ToOwned::to_owned),
                _ => None,
            };
            let kinds: Vec<_> = schedule.org.iter().filter_map(script).collect();
            let later = kinds.iter().filter(|kind| *kind == "apply_later").count();
            all += later + kinds.iter().filter(|kind| ["hang", "cut"].contains(&kind.as_str())).count();
            late += later;
            let dies = schedule.faults().any(Fault::orphans);
            assert!(later == 0 || !dies || schedule.orphans == Orphans::Held, "{schedule:?}");
        }
        assert!(late * 3 >= all, "{late} of {all}");
    }

    #[test]
    fn some_seeds_leave_the_group_alone_and_some_the_org() {
        assert!((0..40).any(|seed| of(seed).group.is_empty()) && (0..40).any(|seed| of(seed).org.is_empty()));
    }
}
