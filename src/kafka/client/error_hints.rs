//! Hints for errors of the cluster: what an operator can do about each.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Says what an operator must allow, if an error says that this user may not do something. No repetition helps.
pub(crate) fn access_hint(error: &KafkaError) -> Option<&'static str> {
    Some(match error.rdkafka_error_code()? {
        RDKafkaErrorCode::GroupAuthorizationFailed => "kafka.group_id: allow this user Read on the group",
        RDKafkaErrorCode::TopicAuthorizationFailed => "allow this user Describe and Read on the routes' topics",
        _ => return None,
    })
}

/// Says what an operator can do about a failure that ends the consumer, or a producer.
pub(crate) fn fatal_hint(code: RDKafkaErrorCode) -> &'static str {
    match code {
        RDKafkaErrorCode::FencedInstanceId => {
            "another process has taken our kafka.group_instance_id, or the group had given it up while the brokers were away: \
             each process needs its own"
        }
        RDKafkaErrorCode::UnreleasedInstanceId => {
            "another process has our kafka.group_instance_id, or was killed with it: then the group gives it back when that \
             session has timed out"
        }
        RDKafkaErrorCode::GroupAuthorizationFailed => "kafka.group_id: allow this user Read on the group",
        RDKafkaErrorCode::ClusterAuthorizationFailed => {
            "allow this user Write on the dead-letter topic, and, before Kafka 2.8, IdempotentWrite on the cluster"
        }
        RDKafkaErrorCode::UnsupportedAssignor => "group.remote.assignor: the brokers have no such assignor",
        RDKafkaErrorCode::UnsupportedVersion | RDKafkaErrorCode::UnsupportedFeature => {
            "group.protocol = \"consumer\" needs Kafka 4.0"
        }
        _ => "the broker's log may say more",
    }
}

/// Whether a broker has denied this client access: a wrong password, an expired token, a certificate that either
/// side does not trust. `reason` is librdkafka's text, since a TLS error's code does not tell a denial from a broken
/// connection.
pub(crate) fn is_access_denied(error: &KafkaError, reason: &str) -> bool {
    is_login_denied(error)
        || match error.rdkafka_error_code() {
            // The broker's rejection of our certificate comes as an alert, on a connection that was open already.
            Some(RDKafkaErrorCode::SSL | RDKafkaErrorCode::BrokerTransportFailure) => reason.contains("certificate"),
            _ => false,
        }
}

/// Whether a broker has denied a password or a token.
pub(crate) fn is_login_denied(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed)
    )
}
