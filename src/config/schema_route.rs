//! The keys of `[[routes]]`, as [`super::schema`] has those of the other sections.

use super::kind::{Key, Kind, integer, key, required};

const OPERATION: Kind = Kind::Word(&["insert", "update", "delete", "upsert"]);

pub(super) const ROUTE: &[Key] = &[
    required("topic", Kind::Text, "a name or a glob"),
    required("sobject", Kind::Text, "API name"),
    key(
        "operation",
        OPERATION,
        r#"of a record without an operation header: `"insert"`, `"update"`, `"delete"`, `"upsert"`"#,
    ),
    key("external_id_field", Kind::Maybe, r#"switches to external id mode; needed for `"upsert"`"#),
    key("operation_header", Kind::Maybe, "the header that chooses the operation; without it no header does"),
    key(
        "operation_aliases",
        Kind::Map(&OPERATION),
        "more words for that header beside the operations' own; a table that is written replaces this one",
    ),
    key("tombstone", Kind::Word(&["delete", "reject"]), r#"a null value without an operation: `"delete"`, `"reject"`"#),
    key(
        "on_missing",
        Kind::Word(&["written", "dead_letter"]),
        r#"a DELETE by external id that finds no record, or none that is shared with this user: `"written"`, `"dead_letter"`. Counted in `sobjectd_deletes_not_found_total`"#,
    ),
    key("identity", Kind::Identity, r#"`"key"`, `"value.<field>"`, `"header.<name>"`"#),
    key("nulls", Kind::Word(&["write", "ignore"]), r#"an explicit null clears its field; `"ignore"` leaves it"#),
    key(
        "empty",
        Kind::Word(&["write", "null"]),
        r#"the empty text `""` is written, which only text fields take; `"null"`: it is a null"#,
    ),
    key(
        "lock_parent",
        Kind::Maybe,
        "the lookup or master-detail field whose parent the org locks along with a row, such as `AccountId`, or `Account.ExternalId__c` for a parent by its external id (`User:Owner.ExternalId__c` where several SObjects may be the parent): rows of one parent are kept together, and never in two calls at once",
    ),
    key(
        "breaker",
        integer(0, u32::MAX as i64),
        "so many rejections in a row with one code are dead letters; then the route waits, and tries one row at a time; 0: off",
    ),
    key("fields", Kind::Table(FIELDS), "which fields are written"),
    key("options", Kind::Table(OPTIONS), "how the calls are made"),
    key("key", Kind::Table(KEY), "how a key is read"),
    key("value", Kind::Table(VALUE), "how a value is read"),
];

const OPTIONS: &[Key] = &[
    key(
        "auto_assign",
        Kind::Maybe,
        r#"whether assignment rules give leads, cases and accounts an owner: `"true"`, `"false"`, or the record id of a rule. Absent: `"false"` in updates and upserts, where the org would give away what it is sent; the org's own `"true"` in plain inserts"#,
    ),
    key(
        "duplicate_rule",
        Kind::Maybe,
        r#"`"allowSave=true; includeRecordDetails=true; runAsCurrentUser=true"` or a part of it: `allowSave` writes rows in spite of duplicate rules that only alert"#,
    ),
    key(
        "client",
        Kind::Maybe,
        "the client's name, which Change Data Capture repeats in `changeOrigin`: what breaks a circle",
    ),
    key(
        "from_headers",
        Kind::Flag,
        "a record's own headers `Sforce-Auto-Assign`, `Sforce-Duplicate-Rule-Header` and `Sforce-Call-Options` go before the three above",
    ),
];

const KEY: &[Key] = &[
    key(
        "format",
        Kind::Word(&["string", "json", "json_with_schema", "avro", "json_schema", "protobuf", "bytes", "long", "int"]),
        r#"`"string"`, `"json"`, `"json_with_schema"`, `"avro"`, `"json_schema"`, `"protobuf"`, `"bytes"`, `"long"`, `"int"`"#,
    ),
    key(
        "field",
        Kind::Texts,
        r#"the member of a structured key that is the identity, or a list of members: `["REGION", "ID"]` is the identity `eu|7`"#,
    ),
    key(
        "separator",
        Kind::Text,
        "stands between the members of such a list: ASCII punctuation; a key whose members hold it so that they cannot be told apart is rejected",
    ),
];

const VALUE: &[Key] = &[key(
    "format",
    Kind::Word(&["json", "json_with_schema", "avro", "json_schema", "protobuf"]),
    r#"`"json"`, `"json_with_schema"`, `"avro"`, `"json_schema"`, `"protobuf"`; see [formats.md](formats.md)"#,
)];

const FIELDS: &[Key] = &[
    key(
        "include",
        Kind::List(&Kind::Text),
        "only these members of a value, when there are any; the others are not decoded",
    ),
    key("exclude", Kind::List(&Kind::Text), "not these members, which are not decoded"),
    key(
        "rename",
        Kind::Map(&Kind::Text),
        "member → field, or → `Relationship.ExternalId__c`: a parent by its external id; `SObject:Relationship.ExternalId__c` where several SObjects may be the parent",
    ),
    key(
        "constant",
        Kind::Map(&Kind::Constant),
        "field → a text, a whole number, true or false: set in each row, in place of what the record says",
    ),
    key("topic", Kind::Maybe, "the field for the record's topic"),
    key("partition", Kind::Maybe, "the field for its partition"),
    key("offset", Kind::Maybe, "the field for its offset"),
    key("timestamp", Kind::Maybe, "the field for its time"),
    key(
        "absent",
        Kind::List(&Kind::Text),
        "a member whose value is one of these texts leaves its field as it is, such as `__debezium_unavailable_value`",
    ),
    key("multipicklist", Kind::Flag, "an array of texts goes into a multi-select picklist as `A;B`"),
];
