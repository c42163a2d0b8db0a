use super::{report, text, try_load, with};
use crate::config::GroupProtocol;

#[test]
fn a_group_protocol_and_its_properties_are_checked() {
    let config = |lines: &str| try_load(&with("kafka.properties", lines), &[]);
    for (lines, protocol) in [
        ("\"group.protocol\" = \"classic\"\n\"partition.assignment.strategy\" = \"range\"", GroupProtocol::Classic),
        ("\"partition.assignment.strategy\" = \"cooperative-sticky\"", GroupProtocol::Classic),
        ("\"group.protocol\" = \"consumer\"\n\"group.remote.assignor\" = \"range\"", GroupProtocol::Consumer),
    ] {
        assert_eq!(config(lines).unwrap().kafka.group_protocol(), protocol, "{lines}");
    }
    for (lines, says) in [
        ("\"group.protocol\" = \"share\"", "must be \"classic\" or \"consumer\""),
        ("\"partition.assignment.strategy\" = \"roundrobin\"", "must be \"cooperative-sticky\" or \"range\""),
        ("\"partition.assignment.strategy\" = \"range,cooperative-sticky\"", "must be \"cooperative-sticky\" or"),
    ] {
        let report = config(lines).unwrap_err().to_string();
        assert!(report.contains(says) && report.lines().count() == 1, "{report}");
    }
    // The broker sets these: the daemon's values would have no effect.
    let consumer = "[kafka.properties]\n\"group.protocol\" = \"consumer\"\n\"heartbeat.interval.ms\" = 300\n\
                    \"partition.assignment.strategy\" = \"range\"";
    let text = with("kafka", "session_timeout = \"15s\"") + consumer;
    let report = report(&text, &[("SOBJECTD__KAFKA__MAX_POLL_INTERVAL", "4m")]);
    for key in ["kafka.session_timeout", "\"heartbeat.interval.ms\"", "\"partition.assignment.strategy\""] {
        let message = "is set by the broker with group.protocol = \"consumer\"";
        assert!(report.contains(&format!("{key}: {message}")), "{report}");
    }
    assert_eq!(report.lines().count(), 3, "{report}");
}

#[test]
fn kafka_oauth_is_complete_and_excludes_other_logins() {
    let whole = [
        ("kafka.oauth", "token_url = \"https://idp/token\""),
        ("kafka.oauth", "client_id = \"id\""),
        ("kafka.oauth", "client_secret = \"xyzzy\""),
    ];
    let more = |section, line| text(&[whole.as_slice(), &[(section, line)]].concat());
    assert!(try_load(&more("kafka.oauth", "extensions = { logicalCluster = \"lkc-1\" }"), &[]).is_ok());
    assert!(try_load(&more("kafka.properties", "\"security.protocol\" = \"sasl_plaintext\""), &[]).is_ok());
    for (section, line, expected) in [
        ("kafka.oauth", "extensions = { auth = \"x\" }", "kafka.oauth.extensions.auth: is not the name"),
        ("kafka.oauth", "extensions = { a_b = \"x\" }", "kafka.oauth.extensions.a_b: is not the name"),
        ("kafka.oauth", "extensions = { a = \"ü\" }", "kafka.oauth.extensions.a: holds more than printable ASCII"),
        ("kafka.oauth", "request_timeout = \"0s\"", "kafka.oauth.request_timeout: must be longer"),
        ("kafka.properties", "\"sasl.mechanisms\" = \"PLAIN\"", "does not go with kafka.oauth"),
        ("kafka.properties", "\"security.protocol\" = \"ssl\"", "does not go with kafka.oauth"),
        ("kafka.properties", "\"sasl.oauthbearer.method\" = \"oidc\"", "does not go with kafka.oauth"),
    ] {
        let report = report(&more(section, line), &[]);
        assert!(report.contains(expected) && report.lines().count() == 1, "{report}");
    }
    for (url, expected) in [
        ("http://idp/token", "do not go over plain http"),
        ("ftp://idp/token", "is not an https URL"),
        ("https://u:xyzzy@idp/token", "holds a user or password"),
    ] {
        let report = report(&text(&whole).replace("https://idp/token", url), &[]);
        assert!(report.contains("kafka.oauth.token_url: ") && report.contains(expected), "{report}");
        assert!(!report.contains("xyzzy"), "{report}");
    }
    let missing = report(&with("kafka.oauth", "scope = \"kafka\""), &[]);
    for key in ["token_url", "client_id", "client_secret"] {
        assert!(missing.contains(&format!("kafka.oauth.{key}: missing")), "{missing}");
    }
}
