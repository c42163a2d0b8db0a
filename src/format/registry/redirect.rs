//! Follows redirects of the registry: a follower redirects to the leader, a load balancer to another path.

use url::Url;

/// Returns the target of a redirect, or why it is not followed. The credentials are sent to it, so that it must be
/// within the schemes and hosts of `configured`, the URLs of `schema_registry.url`.
pub(super) fn target(configured: &[Url], asked: &Url, location: Option<&str>) -> Result<Url, String> {
    let Some(mut to) = location.and_then(|location| asked.join(location).ok()) else {
        return Err("it redirects without saying where to".to_owned());
    };
    if !configured.iter().any(|url| url.scheme() == to.scheme() && url.host() == to.host()) {
        let host = to.host_str().unwrap_or_default();
        return Err(format!(
            "it redirects to {}://{host}, which is not followed: credentials would go along. If that is the registry, \
             name it in schema_registry.url",
            to.scheme()
        ));
    }
    // Credentials come from the configuration only, not from a server.
    let changed = to.set_username("").and_then(|()| to.set_password(None));
    changed.map(|()| to).map_err(|()| "it redirects to an invalid URL".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_followed_within_the_configured_schemes_and_hosts() {
        let urls = ["https://registry:8081/base", "https://other"].map(|url| Url::parse(url).unwrap());
        let asked = Url::parse("https://registry:8081/base/schemas/ids/7").unwrap();
        for (location, expected) in [
            (Some("/v2/schemas/ids/7"), Ok("https://registry:8081/v2/schemas/ids/7")),
            (Some("https://registry:9443/schemas/ids/7"), Ok("https://registry:9443/schemas/ids/7")),
            (Some("https://OTHER/x"), Ok("https://other/x")),
            (Some("//other/x"), Ok("https://other/x")),
            (Some("https://ada:secret@other/x"), Ok("https://other/x")),
            (Some("http://registry:8081/x"), Err("it redirects to http://registry, which is not followed")),
            (Some("https://sso.example.com/login?secret=1"), Err("it redirects to https://sso.example.com, which")),
            (Some("https://registry.example.com/x"), Err("it redirects to https://registry.example.com, which")),
            (Some("data:,x"), Err("it redirects to data://, which is not followed")),
            (Some("https://"), Err("it redirects without saying where to")),
            (None, Err("it redirects without saying where to")),
        ] {
            match (target(&urls, &asked, location), expected) {
                (Ok(to), Ok(expected)) => assert_eq!(to.as_str(), expected),
                (Err(why), Err(words)) => assert!(why.starts_with(words) && !why.contains("secret"), "{why}"),
                (found, _) => panic!("{location:?}: {found:?}"),
            }
        }
    }
}
