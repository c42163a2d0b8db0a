use crate::{config, runtime::http_client::ClientError};

/// There can be no client.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("schema_registry.{key}: {source}")]
    Secret { key: &'static str, source: config::SecretError },
    #[error(transparent)]
    Client(#[from] ClientError),
}
