use serde::{Deserialize, Serialize, de::Error as _};

use super::{ApiSettings, LockSettings, LoginSettings, QuotaSettings, ReadingSettings, RuleSettings, UserSettings};

/// The settings of an org. Their JSON form, that of `GET /sandbox/settings`, is one flat object of all groups.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    #[serde(flatten)]
    pub api: ApiSettings,
    #[serde(flatten)]
    pub quota: QuotaSettings,
    #[serde(flatten)]
    pub login: LoginSettings,
    #[serde(flatten)]
    pub user: UserSettings,
    #[serde(flatten)]
    pub readings: ReadingSettings,
    #[serde(flatten)]
    pub rules: RuleSettings,
    #[serde(flatten)]
    pub locks: LockSettings,
    /// Whether the journal keeps its entries. Off for benchmarks.
    pub journal: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            api: ApiSettings::default(),
            quota: QuotaSettings::default(),
            login: LoginSettings::default(),
            user: UserSettings::default(),
            readings: ReadingSettings::default(),
            rules: RuleSettings::default(),
            locks: LockSettings::default(),
            journal: true,
        }
    }
}

impl Settings {
    /// These settings with the members of `patch` laid over them. A member that is not a setting is an error.
    pub(crate) fn patched(&self, patch: serde_json::Value) -> Result<Self, serde_json::Error> {
        let serde_json::Value::Object(mut all) = serde_json::to_value(self)? else {
            return Err(serde_json::Error::custom("settings are not an object"));
        };
        let serde_json::Value::Object(patch) = patch else {
            return Err(serde_json::Error::custom("expected an object of settings"));
        };
        // serde does not refuse unknown members of flattened structs.
        if let Some(unknown) = patch.keys().find(|name| !all.contains_key(*name)) {
            let names: Vec<_> = all.keys().map(|name| format!("`{name}`")).collect();
            let message = format!("unknown field `{unknown}`, expected one of {}", names.join(", "));
            return Err(serde_json::Error::custom(message));
        }
        all.extend(patch);
        serde_json::from_value(serde_json::Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_changes_its_settings_and_an_unknown_setting_is_refused() {
        let settings = Settings::default();
        let patched = settings.patched(json!({"quota_max": 7, "hidden": ["Lead"], "storage_records": 3})).unwrap();
        assert_eq!((patched.quota.max, patched.rules.storage_records), (7, Some(3)));
        assert_eq!((patched.user.hidden.as_slice(), patched.api.page_size), (&["Lead".to_owned()][..], 2_000));
        let error = settings.patched(json!({"quota_most": 7})).unwrap_err().to_string();
        assert!(error.starts_with("unknown field `quota_most`, expected one of `api`, "), "{error}");
        assert!(settings.patched(json!([])).is_err());
    }
}
