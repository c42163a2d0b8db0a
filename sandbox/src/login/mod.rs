//! OAuth: grants, and whose sessions they open.

mod assertion;
mod error;
mod grant;
mod identity;

pub(crate) use error::OauthError;
pub(crate) use grant::login;
pub(crate) use identity::{identity, url as identity_url, user_info};
