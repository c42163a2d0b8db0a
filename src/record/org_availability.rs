use strum::{IntoStaticStr, VariantArray};

/// Whether the org takes calls: one state for all callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrgAvailability {
    Up,
    Down(OrgTrouble),
}

/// The reason why the org takes no calls. No call is to blame for any of them; only [`Self::Unavailable`] counts
/// against one that keeps failing while others succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
pub enum OrgTrouble {
    /// The org takes no call, no connection or no login, or answers nothing.
    #[strum(serialize = "org_unavailable")]
    Unavailable,
    /// Logins succeed, and the org rejects every session, or lets its user make no call.
    #[strum(serialize = "session_expired")]
    Session,
    /// The API calls of the day are used up, or as many of them as the configuration leaves to us.
    #[strum(serialize = "quota_exhausted")]
    Quota,
}

impl OrgTrouble {
    /// The word in metrics and logs.
    pub fn label(self) -> &'static str {
        self.into()
    }
}

impl OrgAvailability {
    /// All of them: a metric shows each from the start.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Up].into_iter().chain(OrgTrouble::VARIANTS.iter().copied().map(Self::Down))
    }

    /// The word in metrics and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down(trouble) => trouble.label(),
        }
    }
}
