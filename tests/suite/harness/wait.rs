//! Waiting for what must come to be, with an end.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::join_all;

/// How long anything may take that is not about time itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until there is something to return, and fails with `what` after [`PATIENCE`].
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs the cases of a test side by side: each has a daemon of its own, which waits more than it computes.
pub(crate) async fn side_by_side<T>(cases: impl IntoIterator<Item = T>, run: impl AsyncFn(T)) {
    join_all(cases.into_iter().map(|case| run(case))).await;
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}
