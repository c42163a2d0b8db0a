//! OAuth: grants, the sessions they open, and who they are of.

mod assertion;
mod grant;
mod identity;
mod sessions;

pub(crate) use grant::{OauthError, login};
pub(crate) use identity::{identity, url as identity_url, user_info};
pub(crate) use sessions::Sessions;
