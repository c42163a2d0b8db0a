//! The keys of `[[routes]]`; [`super::schema`] has the keys of the other sections.

use super::kind::{Key, Kind, integer, key, required};

const OPERATION: Kind = Kind::OneOf(&["insert", "update", "delete", "upsert"]);

pub(super) const ROUTE: &[Key] = &[
    required("topic", Kind::Text, "name or glob of topics"),
    required("sobject", Kind::Text, "API name of the SObject"),
    key(
        "operation",
        OPERATION,
        r#"operation of a record without an operation header: `"insert"`, `"update"`, `"delete"`, `"upsert"`"#,
    ),
    key(
        "external_id_field",
        Kind::OptionalText,
        r#"field that the record key is a value of; without it the key is a record id. Needed for `"upsert"`"#,
    ),
    key("operation_header", Kind::OptionalText, "header that chooses the operation; without this key no header does"),
    key(
        "operation_aliases",
        Kind::Map(&OPERATION),
        "more words for that header, besides the names of the operations; a table in the file replaces this default",
    ),
    key(
        "tombstone",
        Kind::OneOf(&["delete", "reject"]),
        r#"what a null value without an operation header means: `"delete"`, `"reject"`"#,
    ),
    key(
        "on_missing",
        Kind::OneOf(&["written", "dead_letter"]),
        r#"outcome of a DELETE by external id that finds no record, or none that is shared with this user: `"written"`, `"dead_letter"`. Counted in `sobjectd_deletes_not_found_total`"#,
    ),
    key("identity", Kind::Identity, r#"where the identity is read: `"key"`, `"value.<field>"`, `"header.<name>"`"#),
    key(
        "nulls",
        Kind::OneOf(&["write", "ignore"]),
        r#"what an explicit null does: `"write"` clears the field, `"ignore"` leaves it unchanged"#,
    ),
    key(
        "empty",
        Kind::OneOf(&["write", "null"]),
        r#"what the empty text `""` is: `"write"`: a text, which only text fields take; `"null"`: a null"#,
    ),
    key(
        "lock_parent",
        Kind::OptionalText,
        "reference field whose parent the org locks with a row: `AccountId`, or `Account.ExternalId__c` for a parent by external id (`User:Owner.ExternalId__c` if several SObjects may be the parent). Rows of one parent share a call, and are never in two calls at once",
    ),
    key(
        "breaker",
        integer(0, u32::MAX as i64),
        "opens the circuit breaker of the route after this many consecutive rejections with the same code; 0 disables it",
    ),
    key("fields", Kind::Table(FIELDS), "mapping of members to fields"),
    key("options", Kind::Table(OPTIONS), "request headers of the calls"),
    key("key", Kind::Table(KEY), "format of the record key"),
    key("value", Kind::Table(VALUE), "format of the record value"),
];

const OPTIONS: &[Key] = &[
    key(
        "auto_assign",
        Kind::OptionalText,
        r#"whether assignment rules give leads, cases and accounts an owner: `"true"`, `"false"`, or the record id of a rule. Default: `"false"` in updates and upserts, which else would change the owner of existing records; the org's own `"true"` in plain inserts"#,
    ),
    key(
        "duplicate_rule",
        Kind::OptionalText,
        r#"`"allowSave=true; includeRecordDetails=true; runAsCurrentUser=true"` or a part of it: `allowSave` writes rows despite duplicate rules that only alert"#,
    ),
    key(
        "client",
        Kind::OptionalText,
        "client name, which Change Data Capture repeats in `changeOrigin`; consumers use it to break loops",
    ),
    key(
        "from_headers",
        Kind::Flag,
        "a record's own headers `Sforce-Auto-Assign`, `Sforce-Duplicate-Rule-Header` and `Sforce-Call-Options` override the three keys above",
    ),
];

const KEY: &[Key] = &[
    key(
        "format",
        Kind::OneOf(&["string", "json", "json_with_schema", "avro", "json_schema", "protobuf", "bytes", "long", "int"]),
        r#"`"string"`, `"json"`, `"json_with_schema"`, `"avro"`, `"json_schema"`, `"protobuf"`, `"bytes"`, `"long"`, `"int"`"#,
    ),
    key(
        "field",
        Kind::TextOrTexts,
        r#"member of a structured key that is the identity, or a list of members: `["REGION", "ID"]` gives the identity `eu|7`"#,
    ),
    key(
        "separator",
        Kind::Text,
        "separator between the members of such a list: ASCII punctuation; a key whose members contain it ambiguously is rejected",
    ),
];

const VALUE: &[Key] = &[key(
    "format",
    Kind::OneOf(&["json", "json_with_schema", "avro", "json_schema", "protobuf"]),
    r#"`"json"`, `"json_with_schema"`, `"avro"`, `"json_schema"`, `"protobuf"`; see [formats.md](formats.md)"#,
)];

const FIELDS: &[Key] = &[
    key(
        "include",
        Kind::List(&Kind::Text),
        "writes only these members of a value, if any are listed; the others are not decoded",
    ),
    key("exclude", Kind::List(&Kind::Text), "leaves out these members, which are not decoded"),
    key(
        "rename",
        Kind::Map(&Kind::Text),
        "member → field, or → `Relationship.ExternalId__c` for a parent by external id; `SObject:Relationship.ExternalId__c` if several SObjects may be the parent",
    ),
    key(
        "constant",
        Kind::Map(&Kind::Constant),
        "field → a text, a whole number, true or false, which is set in each row instead of the record's value",
    ),
    key("topic", Kind::OptionalText, "field for the record's topic"),
    key("partition", Kind::OptionalText, "field for the record's partition"),
    key("offset", Kind::OptionalText, "field for the record's offset"),
    key("timestamp", Kind::OptionalText, "field for the record's timestamp"),
    key(
        "absent",
        Kind::List(&Kind::Text),
        "placeholder texts: a member with one of these values leaves its field unchanged, such as `__debezium_unavailable_value`",
    ),
    key("multipicklist", Kind::Flag, "writes an array of texts into a multi-select picklist as `A;B`"),
];
