use super::{OrgAvailability::*, OrgTrouble::*, *};

const RETRY: Duration = Duration::from_secs(1);
const PROBE: Duration = Duration::from_secs(60);
const LOGIN: Duration = Duration::from_secs(10);

fn state(reserve: u8) -> Arc<OrgState> {
    let retry = config::Retry { initial_backoff: RETRY, max_backoff: RETRY * 30, ..config::Retry::default() };
    let quota = config::Quota { reserve, probe_interval: PROBE, ..config::Quota::default() };
    Arc::new(OrgState::new(retry, quota, LOGIN, Arc::new(())))
}

fn later(state: &OrgState) {
    state.report(&Report::Down(Unavailable, &Cause::new("down")));
}

/// How long one waits for a turn, and the turn.
async fn turn(state: &OrgState) -> (Duration, Turn) {
    let start = Instant::now();
    let turn = state.turn().await;
    (start.elapsed(), turn)
}

#[tokio::test(start_paused = true)]
async fn while_the_org_is_up_nobody_waits() {
    let state = state(10);
    let (first, second) = (state.turn().await, state.turn().await);
    assert!(first.probe.is_none() && second.probe.is_none());
}

#[tokio::test(start_paused = true)]
async fn one_probe_at_a_time_and_each_later_than_the_last() {
    let state = state(10);
    later(&state);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let (waited, probe) = turn(&state).await;
        assert!(probe.probe.is_some());
        // While it lives nobody else has one, however long.
        assert!(tokio::time::timeout(RETRY * 3600, state.turn()).await.is_err());
        later(&state);
        waits.push(waited.as_secs_f64());
    }
    for (wait, full) in waits.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]) {
        assert!((full / 2.0 - 0.01..=full + 0.01).contains(wait), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn any_success_lets_everybody_go_at_once() {
    let state = state(10);
    later(&state);
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let state = state.clone();
            tokio::spawn(async move { turn(&state).await.0 })
        })
        .collect();
    tokio::task::yield_now().await;
    state.report(&Report::Well);
    for waited in waiting {
        assert_eq!(waited.await.unwrap(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_says_nothing_does_not_make_the_next_one_sooner() {
    let state = state(10);
    later(&state);
    drop(turn(&state).await);
    let (waited, probe) = turn(&state).await;
    assert!(waited >= RETRY, "{waited:?}");
    // It took long, and nobody knows what came of it.
    tokio::time::sleep(RETRY * 100).await;
    state.report(&Report::Silent);
    drop(probe);
    assert!(turn(&state).await.0 >= RETRY * 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_gives_its_turn_back() {
    let state = state(10);
    later(&state);
    for _ in 0..3 {
        assert!(tokio::time::timeout(Duration::from_millis(1), state.turn()).await.is_err());
    }
    assert!(turn(&state).await.0 <= RETRY);
}

#[tokio::test(start_paused = true)]
async fn a_spent_quota_is_probed_slowly_and_an_expired_session_no_faster_than_logins() {
    let state = state(10);
    let mut watch = state.watch();
    for (report, availability, wait) in [
        (Report::Down(Quota, &Cause::new("spent")), Down(Quota), PROBE),
        (Report::Down(Session, &Cause::new("expired")), Down(Session), LOGIN),
    ] {
        state.report(&report);
        assert_eq!(*watch.borrow_and_update(), availability);
        assert_eq!(turn(&state).await.0, wait);
    }
    state.report(&Report::Well);
    assert_eq!(*watch.borrow_and_update(), Up);
}

#[tokio::test(start_paused = true)]
async fn below_the_reserve_one_call_per_interval_still_goes() {
    let state = state(10);
    let used = |used| state.used(Usage { used, max: 100 });
    used(90);
    assert_eq!(*state.watch().borrow(), Up, "the reserve is not touched yet");
    used(91);
    for _ in 0..3 {
        let (waited, _turn) = turn(&state).await;
        assert_eq!(waited, PROBE);
        // Success does not end it, only usage does.
        state.report(&Report::Well);
    }
    used(90);
    assert_eq!(*state.watch().borrow(), Down(Quota), "a point of slack");
    used(89);
    assert_eq!(turn(&state).await.0, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn without_a_reserve_the_orgs_own_word_counts_alone() {
    let state = state(0);
    state.used(Usage { used: 150, max: 100 });
    assert_eq!(turn(&state).await.0, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn warnings_are_armed_again_by_a_fall_of_five_points() {
    let mut inner = Inner::new();
    let levels: Vec<_> = [79, 80, 85, 90, 96, 91, 89, 95, 76, 75, 80, 74, 80]
        .map(|used| {
            OrgState::warn(&mut inner, Usage { used, max: 100 });
            inner.warned
        })
        .into();
    assert_eq!(levels, [0, 80, 80, 90, 95, 95, 80, 95, 0, 0, 80, 0, 80]);
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_spent_when_the_org_has_said_so_and_is_not_being_asked() {
    const SOON: Duration = Duration::from_millis(1);
    let state = state(10);
    let spent = async || tokio::time::timeout(SOON, state.spent()).await.ok();
    later(&state);
    state.used(Usage { used: 95, max: 100 });
    assert_eq!(spent().await, None, "neither an outage nor the reserve");
    let said = Cause::new("TotalRequests Limit exceeded.");
    state.report(&Report::Down(Quota, &said));
    assert_eq!(spent().await, Some(said.clone()));
    let (waited, probe) = turn(&state).await;
    assert!(probe.probe.is_some() && waited <= PROBE);
    assert_eq!(spent().await, None, "whoever waits may go, if the probe is taken");
    state.report(&Report::Down(Quota, &said));
    assert_eq!(spent().await, Some(said.clone()));
    tokio::time::sleep(PROBE).await;
    assert_eq!(spent().await, None, "it is time to ask");
    state.report(&Report::Well);
    assert_eq!(spent().await, None);
}

#[tokio::test(start_paused = true)]
async fn three_calls_in_a_row_without_an_answer_are_an_outage_that_is_only_asked_about() {
    let state = state(10);
    let lost = Cause::new("operation timed out");
    let availability = || *state.watch().borrow();
    let unanswered = || state.report(&Report::Unanswered(&lost));
    unanswered();
    unanswered();
    state.report(&Report::Well);
    unanswered();
    unanswered();
    assert_eq!(availability(), Up, "an answer came between them");
    // What says nothing of the org is no answer, and no call without one.
    state.report(&Report::Silent);
    unanswered();
    assert_eq!(availability(), Down(Unavailable));
    let (_, probe) = turn(&state).await;
    assert!(probe.probe.is_some() && probe.only_asks);
    state.report(&Report::Well);
    assert_eq!(availability(), Up);
    drop(probe);
    // An org that says that it takes no calls is asked by whatever waits.
    later(&state);
    let (_, probe) = turn(&state).await;
    assert!(probe.probe.is_some() && !probe.only_asks);
}
