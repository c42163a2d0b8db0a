use super::{report, try_load, with};
use crate::config::GroupProtocol;

#[test]
fn protocols_of_the_group() {
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
    // What is the broker's: the daemon would set it, and nobody would heed it.
    let consumer = "[kafka.properties]\n\"group.protocol\" = \"consumer\"\n\"heartbeat.interval.ms\" = 300\n\
                    \"partition.assignment.strategy\" = \"range\"";
    let text = with("kafka", "session_timeout = \"15s\"") + consumer;
    let report = report(&text, &[("SOBJECTD__KAFKA__MAX_POLL_INTERVAL", "4m")]);
    for key in ["kafka.session_timeout", "\"heartbeat.interval.ms\"", "\"partition.assignment.strategy\""] {
        assert!(report.contains(&format!("{key}: is the broker's with group.protocol = \"consumer\"")), "{report}");
    }
    assert_eq!(report.lines().count(), 3, "{report}");
}
