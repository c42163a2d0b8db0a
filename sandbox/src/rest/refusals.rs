//! How the org refuses a call that it does not admit.

use crate::{
    org::{Org, SessionError},
    protocol::{Answer, ApiError},
    settings::ApiAccess,
};

/// The refusal of a request without a session that is open.
pub(super) fn no_session(error: SessionError) -> ApiError {
    match error {
        SessionError::Invalid => ApiError::session(),
        SessionError::BadHeader => ApiError::new(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE"),
    }
}

/// The refusal of a session whose user may not use the API (the codes are listed; the texts from memory).
pub(super) fn disabled(access: ApiAccess) -> Option<ApiError> {
    match access {
        ApiAccess::Enabled => None,
        ApiAccess::DisabledForUser => {
            Some(ApiError::new(403, "API_CURRENTLY_DISABLED", "API is currently disabled for this user"))
        }
        ApiAccess::DisabledForOrg => {
            let text = "API is not enabled for this Organization or Partner";
            Some(ApiError::new(403, "API_DISABLED_FOR_ORG", text))
        }
    }
}

/// The answer of a call for which the daily allocation has no room.
pub(super) fn over_quota(org: &Org) -> Answer {
    org.counters.over_quota();
    // Quoted; the header is believed to be there.
    let error = ApiError::new(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
    Answer::from(error).with_usage(org.usage())
}
