use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr, VariantArray};

/// The state of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum State {
    Starting,
    Running,
    Waiting,
    Draining,
    Stopped,
}
