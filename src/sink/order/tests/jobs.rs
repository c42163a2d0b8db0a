//! An identity that is held by a job: room for bulk deliveries, which hold thousands of them without a row each.

use super::super::{identities::Identities, row::Rows};

#[test]
fn an_identity_that_a_job_holds_is_given_to_no_other_one() {
    let (mut identities, rows) = (Identities::default(), Rows::default());
    assert!(identities.hold(1, 7) && identities.hold(2, 7));
    assert!(!identities.hold(1, 8), "it is held");
    assert_eq!(identities.release(1, 8), None, "by another job");
    assert!(identities.agree() && identities.len() == 2);
    assert_eq!(identities.release(1, 7), None, "no change waits for it");
    assert!(identities.hold(1, 8) && rows.is_empty());
    assert_eq!((identities.release(1, 8), identities.release(2, 7)), (None, None));
    assert!(identities.is_empty() && identities.agree());
}
