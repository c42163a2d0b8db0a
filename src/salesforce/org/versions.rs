//! Which API versions the org speaks: `GET /services/data`, which wants no session and counts as no call (REST guide,
//! "Versions").

use std::{fmt, str::FromStr};

use reqwest::StatusCode;
use serde::Deserialize;

use super::super::{
    call::Calls,
    http::{
        client::Sent,
        request::{ApiRequest, Endpoint, Purpose},
    },
};

/// An API version: `66.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32);

/// The text is not a number before `.0`.
#[derive(Debug, thiserror::Error)]
#[error("is not an API version")]
pub struct NoVersion;

impl FromStr for Version {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let major = text.trim_start_matches('v').strip_suffix(".0").ok_or(NoVersion)?;
        major.parse().map(Self).map_err(|_| NoVersion)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.0", self.0)
    }
}

#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    version: std::borrow::Cow<'a, str>,
}

impl Calls {
    /// Fetches all versions that the org lists; `None` if it cannot be asked now, or says something else.
    pub(crate) async fn versions(&self) -> Option<Vec<Version>> {
        let mut url = self.auth.session().await.ok()?.instance.clone();
        url.set_path("/services/data");
        let request = ApiRequest::get("versions", Purpose::Read, Endpoint::Url(url.clone()));
        match self.http.send(&request, url, None).await {
            Sent::Answered(answer) if answer.status == StatusCode::OK => read(&answer.body),
            _ => None,
        }
    }
}

fn read(body: &[u8]) -> Option<Vec<Version>> {
    let listed: Vec<Listed<'_>> = serde_json::from_slice(body).ok()?;
    listed.iter().map(|listed| listed.version.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_versions_is_read_whole_or_not_at_all() {
        let text =
            |body: &str| read(body.as_bytes()).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        let two = r#"[{"label":"Summer '14","url":"/services/data/v31.0","version":"31.0"},{"version":"9.0"}]"#;
        assert_eq!(text(two), Some(vec!["31.0".to_owned(), "9.0".to_owned()]));
        assert!("9.0".parse::<Version>().unwrap() < "v31.0".parse().unwrap());
        for body in [r#"[{"version":"next"}]"#, r#"[{"version":"31.5"}]"#, "<html>", "{}"] {
            assert_eq!(text(body), None, "{body}");
        }
    }
}
