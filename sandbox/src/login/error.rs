//! How the token endpoint refuses.

use serde::Serialize;

use crate::protocol::Answer;

/// The body of a refusal: one object, not the array of the data API.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OauthError {
    #[serde(skip)]
    pub(crate) status: u16,
    pub(crate) error: String,
    pub(crate) error_description: String,
}

/// A refusal with status 400.
pub(super) fn refuse(error: &str, description: &str) -> OauthError {
    OauthError { status: 400, error: error.to_owned(), error_description: description.to_owned() }
}

impl From<OauthError> for Answer {
    fn from(error: OauthError) -> Self {
        Self::json(error.status, &error)
    }
}
