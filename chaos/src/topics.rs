//! The objects of the topics, and how their records name records of the org.

use crate::{planned::TOPICS, source::Names};

/// How the records of the first topics name the records of [`SOBJECT`].
pub(crate) const NAMES: [Names; TOPICS] = [Names::Folded("ExternalId__c"), Names::Exact("ExternalIdCase__c")];

/// The object of the first topics.
pub(crate) const SOBJECT: &str = "MyObject__c";

/// The object of the last topic, whose records name records by their ids.
pub(crate) const BY_RECORD_ID: &str = "Case";

/// The object of the topic that is deleted and made again.
pub(crate) const RECREATED: &str = "Account";
