//! Lane, core, scheduler, budget and settle held against the design's promises, in random runs.
//!
//! | promise | what is asked |
//! |---|---|
//! | 1 | at every look the books balance; at the end every record has the outcome that is its own |
//! | 2 | at every look no offset has passed a record without a durable outcome |
//! | 3 | per identity the org applies changes in the order of the partition, again only after a loss; never two calls at once, nor one while an older call may still be applied |
//! | | never two calls at once with children of one parent |
//! | 5 | each dead letter follows from what the org said of this record |
//! | 7 | what is held is within the budget and one record for each lane |
//! | | no call is made without the lease; a drain ends at its deadline, and everything is settled once the org is well |
//!
//! `PROPTEST_CASES` asks for more than 256 runs. Time is virtual; but backoffs have jitter, and tasks that are ready at
//! the same instant run in any order, so that one plan is not always one run.

mod ledger;
mod oracle;
mod org;
mod plan;
mod source;

use std::{sync::Arc, time::Duration};

use proptest::{prelude::*, test_runner::TestCaseError};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::{
    ledger::Ledger,
    org::{ModelLetters, ModelOrg},
    plan::{Event, Plan, Silence},
};
use crate::{
    config::{self, OnRejection},
    ops::{health::Health, metrics::Metrics},
    runtime::{lease::Lease, progress::Progress, stop::Stop},
    sink::{
        Parts, Pipeline, Settings,
        budget::Budget,
        lane::{Drained, Lane},
        route::Route,
    },
};

const HOLD: Duration = Duration::from_secs(5);
const ROW_TIMEOUT: Duration = Duration::from_secs(15);
const PARENT_WAIT: Duration = Duration::from_secs(10);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
const LEASE: Duration = Duration::from_secs(3);
const MAX_ROW_BYTES: usize = 4 * 1024;
/// Longer than everything that a plan can hold together.
const PATIENCE: Duration = Duration::from_secs(3_600);

proptest! {
    #[test]
    fn every_run_keeps_the_promises(plan in plan::plan()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(plan)).map_err(TestCaseError::fail)?;
    }
}

struct World {
    plan: Arc<Plan>,
    ledger: Arc<Ledger>,
    pipeline: Arc<Pipeline<ModelOrg, ModelLetters>>,
}

async fn run(plan: Plan) -> Result<(), String> {
    let (plan, metrics) = (Arc::new(plan), Metrics::new());
    let ledger = Arc::new(Ledger::new(plan.clone(), metrics.clone()));
    let lease = Lease::new(LEASE);
    let org = Arc::new(ModelOrg::new(plan.clone(), ledger.clone(), lease.clone()));
    let budget = Budget::new(plan.bounds.budget_rows, plan.bounds.budget_bytes);
    let (pipeline, scheduling) = Pipeline::start(Parts {
        org,
        dead_letters: Some(ModelLetters::new(&plan, ledger.clone())),
        on_rejection: OnRejection::Stop,
        name: "model".into(),
        budget,
        calls: settings(&plan),
        lease: lease.clone(),
        health: Health::new(metrics.clone()),
        metrics,
        stop: Stop::default(),
    });
    let world = Arc::new(World { plan: plan.clone(), ledger: ledger.clone(), pipeline });

    let partitions = (0..plan.partitions.len()).map(|partition| world.clone().partition(partition));
    let all = timeout(PATIENCE, futures::future::join_all(partitions));
    let looks = async {
        loop {
            ledger.observe();
            sleep(Duration::from_millis(50)).await;
        }
    };
    let settled = tokio::select! {
        settled = all => settled.is_ok(),
        () = looks => false,
        () = renew(&lease, &plan) => false,
    };
    drop(world);
    let ended = timeout(PATIENCE, scheduling).await;
    ledger.expect(settled, || "not everything is settled".to_owned());
    if settled {
        // It ends when nothing is left: no row, and no identity that is held.
        ledger.expect(matches!(ended, Ok(Ok(()))), || format!("the scheduler ends with {ended:?}"));
        ledger.finish();
    }
    let broken = ledger.broken();
    if broken.is_empty() { Ok(()) } else { Err(format!("{:?}: {broken:#?}", ledger.elapsed())) }
}

impl World {
    /// What the consumer does with one partition: assigns and commits, revokes and loses it, until all is committed.
    async fn partition(self: Arc<Self>, partition: usize) {
        let plan = &self.plan.partitions[partition];
        let end = i64::try_from(plan.records.len()).unwrap();
        let mut events = plan.events.iter();
        let mut committed = 0;
        loop {
            let event = events.next();
            committed = self.lane(partition, committed, end, event).await;
            if event.is_none() && committed == end {
                return;
            }
            sleep(Duration::from_millis(event.map_or(0, |event| event.gap))).await;
        }
    }

    /// Runs a lane from one assignment to its end; returns what is committed then.
    async fn lane(&self, partition: usize, start: i64, end: i64, event: Option<&Event>) -> i64 {
        let route = route(self.plan.partitions[partition].native);
        let (draining, progress) = (CancellationToken::new(), Arc::new(Progress::new(start)));
        self.ledger.assigned(partition, progress.clone());
        let source = source::records(self.plan.clone(), self.ledger.clone(), partition, start);
        let lane = Lane::new(self.pipeline.clone(), route, draining.clone(), progress.clone());
        let mut task = tokio::spawn(lane.run(source));
        let mut committed = start;
        let mut commits = interval(Duration::from_secs(1));
        commits.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ends = Instant::now() + event.map_or(PATIENCE, |event| Duration::from_millis(event.after));
        loop {
            tokio::select! {
                _ = commits.tick() => committed = progress.next_offset(),
                () = tokio::time::sleep_until(ends) => break,
                ended = &mut task => {
                    let why = || format!("the lane of {partition} ends by itself: {ended:?}");
                    self.ledger.expect(matches!(ended, Ok(Ok(_))) && self.ledger.is_unclean(partition), why);
                    self.ledger.unassigned(partition, false, progress.next_offset());
                    return progress.next_offset();
                }
            }
            if event.is_none() && committed == end {
                break;
            }
        }
        let begun = Instant::now();
        let lost = event.is_some_and(|event| event.lost);
        let mut clean = false;
        if !lost {
            draining.cancel();
            if let Ok(ended) = timeout(DRAIN_TIMEOUT, &mut task).await {
                self.ledger.expect(matches!(ended, Ok(Ok(_))), || format!("the drain ends with {ended:?}"));
                clean = matches!(ended, Ok(Ok(Drained::Whole)));
            }
            committed = progress.next_offset();
        }
        if !task.is_finished() {
            task.abort();
            let ended = (&mut task).await;
            self.ledger.expect(ended.is_err_and(|error| error.is_cancelled()), || "not aborted".to_owned());
        }
        self.ledger.expect(begun.elapsed() <= DRAIN_TIMEOUT, || "a drain beyond its deadline".to_owned());
        self.ledger.unassigned(partition, clean, committed);
        committed
    }
}

/// Renews the lease each second, but for the plan's silences.
async fn renew(lease: &Lease, plan: &Plan) {
    let second = Duration::from_secs(1);
    for Silence { after, lasts } in &plan.silences {
        let end = Instant::now() + Duration::from_millis(*after);
        while Instant::now() < end {
            lease.renew(Instant::now());
            sleep(second.min(end - Instant::now())).await;
        }
        sleep(Duration::from_millis(*lasts)).await;
    }
    loop {
        lease.renew(Instant::now());
        sleep(second).await;
    }
}

fn settings(plan: &Plan) -> Settings {
    Settings {
        rows: plan.bounds.batch_rows,
        bytes: plan.bounds.batch_bytes,
        linger: Duration::from_millis(plan.bounds.linger),
        retry: config::Retry {
            max_attempts: plan.bounds.max_attempts,
            initial_backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(2),
            row_timeout: ROW_TIMEOUT,
            missing_parent_wait: PARENT_WAIT,
        },
        unknown_hold: HOLD,
        timeout: Duration::from_secs(20),
        insert_unknown: config::InsertUnknown::Retry,
        on_quota: config::OnQuota::Wait,
        parked: Duration::from_secs(7),
        calls: plan.bounds.calls,
    }
}

fn route(native: bool) -> Arc<Route> {
    let mode = if native { "operation = \"insert\"" } else { "operation = \"upsert\"\nexternal_id_field = \"Ext__c\"" };
    let text = format!(
        "topic = \"t\"\nsobject = \"Thing__c\"\noperation_header = \"op\"\nlock_parent = \"Parent__c\"\n{mode}\n"
    );
    Arc::new(Route::new(&toml::from_str(&text).unwrap(), MAX_ROW_BYTES, None).unwrap())
}
