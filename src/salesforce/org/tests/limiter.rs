use super::{OrgAvailability::*, *};
use crate::{config, record::OrgTrouble::*, runtime::backoff::Backoff};

const RETRY: Duration = Duration::from_secs(1);
const PROBE: Duration = Duration::from_secs(60);
const LOGIN: Duration = Duration::from_secs(10);

fn limiter(reserve: u8) -> Arc<Limiter> {
    of_limit(100, reserve)
}

fn of_limit(limit: usize, reserve: u8) -> Arc<Limiter> {
    let backoff = Backoff { initial: RETRY, max: RETRY * 30 };
    let quota = config::Quota { reserve, probe_interval: PROBE, ..config::Quota::default() };
    Arc::new(Limiter::new(limit, Pace { backoff, quota, login_interval: LOGIN }, Arc::new(())))
}

fn unavailable(limiter: &Limiter) {
    limiter.report(&Report::Down(Unavailable, &Cause::new("down")));
}

/// Waits for a permit to write; returns the time that it took, and the permit.
async fn permit(limiter: &Arc<Limiter>) -> (Duration, CallPermit) {
    let start = Instant::now();
    let permit = limiter.permit(CallKind::Write).await;
    (start.elapsed(), permit)
}

#[tokio::test(start_paused = true)]
async fn while_the_org_is_up_no_permit_is_waited_for() {
    let limiter = limiter(10);
    let (first, second) = (limiter.permit(CallKind::Write).await, limiter.permit(CallKind::Write).await);
    assert!(!first.is_probe() && !second.is_probe());
}

#[tokio::test(start_paused = true)]
async fn probes_go_one_at_a_time_after_growing_waits() {
    let limiter = limiter(10);
    unavailable(&limiter);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let (waited, probe) = permit(&limiter).await;
        assert!(probe.is_probe());
        // While it lives no other is granted, however long.
        assert!(tokio::time::timeout(RETRY * 3600, limiter.permit(CallKind::Write)).await.is_err());
        unavailable(&limiter);
        waits.push(waited.as_secs_f64());
    }
    for (wait, full) in waits.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]) {
        assert!((full / 2.0 - 0.01..=full + 0.01).contains(wait), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn any_success_gives_permits_to_all_waiting_calls() {
    let limiter = limiter(10);
    unavailable(&limiter);
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { permit(&limiter).await.0 })
        })
        .collect();
    tokio::task::yield_now().await;
    limiter.report(&Report::Answered);
    for waited in waiting {
        assert_eq!(waited.await.unwrap(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_says_nothing_does_not_make_the_next_one_sooner() {
    let limiter = limiter(10);
    unavailable(&limiter);
    drop(permit(&limiter).await);
    let (waited, probe) = permit(&limiter).await;
    assert!(waited >= RETRY, "{waited:?}");
    // It took long, and its result is unknown.
    tokio::time::sleep(RETRY * 100).await;
    limiter.report(&Report::Inconclusive);
    drop(probe);
    assert!(permit(&limiter).await.0 >= RETRY * 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_the_queue() {
    let limiter = limiter(10);
    unavailable(&limiter);
    for _ in 0..3 {
        assert!(tokio::time::timeout(Duration::from_millis(1), limiter.permit(CallKind::Write)).await.is_err());
    }
    assert!(permit(&limiter).await.0 <= RETRY);
}

#[tokio::test(start_paused = true)]
async fn a_spent_quota_is_probed_slowly_and_an_expired_session_no_faster_than_logins() {
    let limiter = limiter(10);
    let mut watch = limiter.watch();
    for (report, availability, wait) in [
        (Report::Down(Quota, &Cause::new("spent")), Down(Quota), PROBE),
        (Report::Down(Session, &Cause::new("expired")), Down(Session), LOGIN),
    ] {
        limiter.report(&report);
        assert_eq!(*watch.borrow_and_update(), availability);
        assert_eq!(permit(&limiter).await.0, wait);
    }
    limiter.report(&Report::Answered);
    assert_eq!(*watch.borrow_and_update(), Up);
}

#[tokio::test(start_paused = true)]
async fn below_the_reserve_one_call_per_interval_still_goes() {
    let limiter = limiter(10);
    let used = |used| limiter.set_usage(Usage { used, max: 100 });
    used(90);
    assert_eq!(*limiter.watch().borrow(), Up, "the reserve is not touched yet");
    used(91);
    for _ in 0..3 {
        let (waited, _permit) = permit(&limiter).await;
        assert_eq!(waited, PROBE);
        // Success does not end it, only usage does.
        limiter.report(&Report::Answered);
    }
    used(90);
    assert_eq!(*limiter.watch().borrow(), Down(Quota), "a point of slack");
    used(89);
    assert_eq!(permit(&limiter).await.0, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn without_a_reserve_the_orgs_own_word_counts_alone() {
    let limiter = limiter(0);
    limiter.set_usage(Usage { used: 150, max: 100 });
    assert_eq!(permit(&limiter).await.0, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_spent_when_the_org_has_said_so_and_is_not_being_asked() {
    const SOON: Duration = Duration::from_millis(1);
    let limiter = limiter(10);
    let spent = async || tokio::time::timeout(SOON, limiter.wait_for_exhausted_quota()).await.ok();
    unavailable(&limiter);
    limiter.set_usage(Usage { used: 95, max: 100 });
    assert_eq!(spent().await, None, "neither an outage nor the reserve");
    let said = Cause::new("TotalRequests Limit exceeded.");
    limiter.report(&Report::Down(Quota, &said));
    assert_eq!(spent().await, Some(said.clone()));
    let (waited, probe) = permit(&limiter).await;
    assert!(probe.is_probe() && waited <= PROBE);
    assert_eq!(spent().await, None, "the probe may be taken");
    limiter.report(&Report::Down(Quota, &said));
    assert_eq!(spent().await, Some(said.clone()));
    tokio::time::sleep(PROBE).await;
    assert_eq!(spent().await, None, "it is time to ask");
    limiter.report(&Report::Answered);
    assert_eq!(spent().await, None);
}

#[tokio::test(start_paused = true)]
async fn three_calls_in_a_row_without_an_answer_are_an_outage_that_is_only_asked_about() {
    let limiter = limiter(10);
    let lost = Cause::new("operation timed out");
    let availability = || *limiter.watch().borrow();
    let unanswered = || limiter.report(&Report::Unanswered(&lost));
    unanswered();
    unanswered();
    limiter.report(&Report::Answered);
    unanswered();
    unanswered();
    assert_eq!(availability(), Up, "an answer came between them");
    // What says nothing of the org is not an answer, and not a call without one.
    limiter.report(&Report::Inconclusive);
    unanswered();
    assert_eq!(availability(), Down(Unavailable));
    let (_, probe) = permit(&limiter).await;
    assert!(probe.is_probe() && probe.reads_only());
    limiter.report(&Report::Answered);
    assert_eq!(availability(), Up);
    drop(probe);
    // An org that says that it takes no calls is asked by whatever waits.
    unavailable(&limiter);
    let (_, probe) = permit(&limiter).await;
    assert!(probe.is_probe() && !probe.reads_only());
}

#[tokio::test(start_paused = true)]
async fn at_a_limit_of_one_a_permit_is_granted_when_the_last_one_is_given_back_and_to_reads_first() {
    let limiter = of_limit(1, 0);
    let (_, held) = permit(&limiter).await;
    assert!(tokio::time::timeout(RETRY * 3600, limiter.permit(CallKind::Read)).await.is_err());
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = Vec::new();
    for kind in [CallKind::Write, CallKind::Write, CallKind::Read, CallKind::Read] {
        let (limiter, order) = (limiter.clone(), order.clone());
        waiting.push(tokio::spawn(async move {
            let _permit = limiter.permit(kind).await;
            order.lock().push(kind);
            tokio::time::sleep(RETRY).await;
        }));
        tokio::task::yield_now().await;
    }
    drop(held);
    for task in waiting {
        task.await.unwrap();
    }
    assert_eq!(*order.lock(), [CallKind::Read, CallKind::Read, CallKind::Write, CallKind::Write]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_waits_for_calls_that_were_sent_before_the_org_went_down() {
    let limiter = of_limit(1, 0);
    let (_, held) = permit(&limiter).await;
    unavailable(&limiter);
    assert!(tokio::time::timeout(RETRY * 60, permit(&limiter)).await.is_err());
    drop(held);
    assert!(permit(&limiter).await.1.is_probe());
}
