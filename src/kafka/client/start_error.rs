//! Errors for which the daemon cannot start at this cluster, or not yet.

use rdkafka::error::KafkaError;

use super::TokenError;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("kafka: no client can be made of the configuration: {0}")]
    Client(KafkaError),
    #[error("kafka.bootstrap_servers: no answer: {0}")]
    Unreachable(String),
    /// A broker, or the token endpoint, has denied the login.
    #[error("{0}")]
    Denied(String),
    #[error(transparent)]
    Token(TokenError),
    #[error("dead_letter.topic: {topic} is not there and cannot be created: {message}")]
    DeadLetterTopic { topic: String, message: String },
}
