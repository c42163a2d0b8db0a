//! OAuth: grants, and the sessions they open.

mod assertion;
mod grant;
mod sessions;

pub(crate) use grant::{OauthError, login};
pub(crate) use sessions::Sessions;
