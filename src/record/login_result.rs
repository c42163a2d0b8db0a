use strum::{IntoStaticStr, VariantArray};

/// How a login to Salesforce has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum LoginResult {
    Ok,
    /// The org does not accept the credentials: an operator must act.
    Refused,
    /// No answer came, or the org takes no logins now.
    Failed,
}
