use super::*;

#[test]
fn warnings_are_armed_again_by_a_fall_of_five_points() {
    let backoff = Backoff { initial: Duration::from_secs(1), max: Duration::from_secs(30) };
    let pace = Pace { backoff, quota: config::Quota::default(), login_interval: Duration::from_secs(10) };
    let mut state = OrgState::new(pace);
    let levels: Vec<_> = [79, 80, 85, 90, 96, 91, 89, 95, 76, 75, 80, 74, 80]
        .map(|used| {
            state.warn(Usage { used, max: 100 });
            state.warned_level
        })
        .into();
    assert_eq!(levels, [0, 80, 80, 90, 95, 95, 80, 95, 0, 0, 80, 0, 80]);
}
