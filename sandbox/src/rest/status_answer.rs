use std::collections::BTreeMap;

use crate::{
    faults::StatusError,
    protocol::{Answer, ApiError},
};

/// The answer that a fault of the kind `status` has in place of the call's own, without the headers of its sender.
pub(super) fn status_answer(
    status: u16,
    error: Option<StatusError>,
    body: Option<String>,
    content_type: Option<&str>,
    headers: &BTreeMap<String, String>,
) -> Answer {
    let mut answer = match (error, body) {
        (Some(error), None) => ApiError::new(status, &error.code, error.message).into(),
        (_, Some(body)) => Answer::text(status, content_type.unwrap_or("text/html;charset=UTF-8"), body),
        (None, None) => Answer::empty(status),
    };
    answer.more.extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    answer
}
