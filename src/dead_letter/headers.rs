//! The names of the headers of a dead letter. docs/architecture.md says what each holds.

use crate::record::Record;

/// The prefix of all headers of Kafka Connect.
const CONNECT: &str = "__connect.errors.";
/// The prefix of all headers of our own.
pub(super) const OWN: &str = "sobjectd.";

/// The topic of the record. This header and the next two stay when a letter is rejected again.
pub const TOPIC: &str = "__connect.errors.topic";
pub const PARTITION: &str = "__connect.errors.partition";
pub const OFFSET: &str = "__connect.errors.offset";

pub const CONNECTOR: &str = "__connect.errors.connector.name";
pub const TASK: &str = "__connect.errors.task.id";
pub const STAGE: &str = "__connect.errors.stage";
pub const CLASS: &str = "__connect.errors.class.name";
pub const EXCEPTION_CLASS: &str = "__connect.errors.exception.class.name";
pub const EXCEPTION_MESSAGE: &str = "__connect.errors.exception.message";
pub const EXCEPTION_STACKTRACE: &str = "__connect.errors.exception.stacktrace";

pub const SOBJECT: &str = "sobjectd.sobject";
pub const OPERATION: &str = "sobjectd.operation";
pub const RECORD_ID: &str = "sobjectd.record_id";
pub const EXTERNAL_ID: &str = "sobjectd.external_id";
pub const STATUS_CODE: &str = "sobjectd.status_code";
pub const MESSAGE: &str = "sobjectd.message";
pub const FIELDS: &str = "sobjectd.fields";
pub const HTTP_STATUS: &str = "sobjectd.http_status";
pub const ATTEMPTS: &str = "sobjectd.attempts";

/// The record's own timestamp in milliseconds, where the topic does not take it.
pub const TIMESTAMP: &str = "sobjectd.timestamp";
/// The sizes in bytes of the parts that were left out. They stay with the record, which reads them.
pub const VALUE_BYTES: &str = Record::VALUE_LEFT;
pub const HEADERS_BYTES: &str = Record::HEADERS_LEFT;
pub const KEY_BYTES: &str = Record::KEY_LEFT;

/// Our own headers that say why a record was rejected.
const CAUSES: [&str; 9] =
    [SOBJECT, OPERATION, RECORD_ID, EXTERNAL_ID, STATUS_CODE, MESSAGE, FIELDS, HTTP_STATUS, ATTEMPTS];

/// Whether a header says why a record was rejected. Those that say what the record had are not among them: they stay
/// with it.
pub(super) fn is_cause(name: &str) -> bool {
    name.starts_with(CONNECT) || CAUSES.contains(&name)
}
