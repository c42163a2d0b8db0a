use crate::{config, runtime::http_client::ClientError};

/// Why the client of the registry cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("schema_registry.{key}: {source}")]
    Secret { key: &'static str, source: config::SecretError },
    #[error(transparent)]
    Client(#[from] ClientError),
}
