use super::{super::answer::RowError, *};

/// One error: code, text, fields.
type Error = (&'static str, &'static str, &'static [&'static str]);

fn errors(errors: &[Error]) -> Errors {
    let error = |(code, message, fields): &Error| RowError {
        code: (*code).to_owned(),
        message: (*message).to_owned(),
        fields: fields.iter().map(|f| (*f).to_owned()).collect(),
    };
    Errors(errors.iter().map(error).collect())
}

const FOREIGN: &str = "x";
const TRIGGER: &str = "ContactTrigger: execution of BeforeInsert caused by: System.DmlException";

/// The text of a trigger that reads `FOR UPDATE`, pasted from a live org.
const FOR_UPDATE: &str = "T: execution of BeforeUpdate caused by: System.QueryException: Record Currently Unavailable: The record you are attempting to edit, or one of its related records, is currently being modified by another user. Please try again.";

/// Every code that is known from documentation and recordings, in a row of a call of many, and what it means there for
/// each action.
#[rustfmt::skip]
static ROWS: &[(Action, Error, Meaning)] = &[
    (Action::Update, ("MALFORMED_ID", "Record ID: id value of incorrect type: a00B000000FSjVUIB1", &["Id"]), cell::REJECTED),
    (Action::Delete, ("MALFORMED_ID", "malformed id 001RM000003oLrB000", &[]), cell::REJECTED),
    (Action::Upsert, ("INVALID_FIELD", "No such column 'FavoritePet__c' on sobject of type Account", &[]), cell::REJECTED),
    (Action::Upsert, ("INVALID_FIELD", "Foreign key external ID: 1580 not found for field Ext__c in entity User", &[]), cell::PARENT),
    (Action::Create, ("INVALID_FIELD", "Foreign key external ID: C-1 not found for field Ext__c in entity Account", &[]), cell::PARENT),
    (Action::Update, ("INVALID_FIELD", "Foreign key external ID: C-1 not found for field Ext__c in entity Account", &[]), cell::PARENT),
    (Action::Upsert, ("INVALID_FIELD", "Field name provided, Phone is not an External ID or indexed field for Account", &[]), cell::REJECTED),
    (Action::Upsert, ("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: Name. Please check …", &["Name"]), cell::REJECTED),
    (Action::Upsert, ("INVALID_TYPE", "sObject type 'XYZZY' is not supported.", &[]), cell::REJECTED),
    (Action::Upsert, ("NOT_FOUND", "Provided external ID field does not exist or is not accessible: x", &[]), cell::REJECTED),
    (Action::Update, ("NOT_FOUND", "The requested resource does not exist", &[]), cell::VANISHED),
    (Action::Delete, ("NOT_FOUND", "The requested resource does not exist", &[]), cell::VANISHED),
    (Action::Create, ("REQUIRED_FIELD_MISSING", "Required fields are missing: [Website__c]", &["Website__c"]), cell::REJECTED),
    (Action::Create, ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "no", &[]), cell::REJECTED),
    (Action::Create, ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Too many open orders, mind the heap size", &[]), cell::REJECTED),
    (Action::Create, ("FIELD_FILTER_VALIDATION_EXCEPTION", "Too many accounts to choose from", &[]), cell::REJECTED),
    (Action::Create, ("DUPLICATES_DETECTED", "Too many people of this name", &[]), cell::REJECTED),
    (Action::Create, ("STRING_TOO_LONG", "Name: data value too large: Too many cooks (max length=5)", &["Name"]), cell::REJECTED),
    (Action::Create, ("FIELD_INTEGRITY_EXCEPTION", "Owner: id value of incorrect type", &["OwnerId"]), cell::REJECTED),
    (Action::Upsert, ("DUPLICATE_VALUE", "duplicate value found: Ext__c duplicates value on record with id: 0035800000Fak", &[]), cell::ALONE),
    (Action::Upsert, ("DUPLICATE_VALUE", "duplicate value found: <unknown> duplicates value on record with id: <unknown>", &[]), cell::ALONE),
    (Action::Upsert, ("DUPLICATE_VALUE", "Already a campaign member.", &[]), cell::ALONE),
    (Action::Upsert, ("DUPLICATE_VALUE", "duplicate value found: Email__c duplicates value on record with id: 0035800000Fak", &[]), cell::ALONE),
    (Action::Upsert, ("DUPLICATE_VALUE", "Duplicate external id specified: a-1", &["ext__C"]), cell::ALONE),
    (Action::Upsert, ("DUPLICATE_VALUE", "duplicate value found: Other__c duplicates value", &["Other__c"]), cell::REJECTED),
    (Action::Create, ("DUPLICATE_VALUE", "duplicate value found: Ext__c duplicates value", &[]), cell::REJECTED),
    (Action::Update, ("DUPLICATE_VALUE", "duplicate value found: Ext__c duplicates value", &[]), cell::REJECTED),
    (Action::Upsert, ("DUPLICATE_EXTERNAL_ID", "Key: more than one record found for external id field: [id1, id2]", &[]), cell::REJECTED),
    (Action::Upsert, ("DUPLICATES_DETECTED", "Use one of these records?", &[]), cell::REJECTED),
    (Action::Delete, ("ENTITY_IS_DELETED", "entity is deleted", &[]), cell::DELETED),
    (Action::Update, ("ENTITY_IS_DELETED", "entity is deleted", &[]), cell::DELETED),
    (Action::Upsert, ("ENTITY_IS_DELETED", "entity is deleted", &[]), cell::DELETED_MEANWHILE),
    (Action::Upsert, ("ENTITY_IS_DELETED", "entity is deleted", &["AccountId"]), cell::REJECTED),
    (Action::Create, ("ENTITY_IS_DELETED", "entity is deleted", &[]), cell::REJECTED),
    (Action::Upsert, ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[]), cell::DELETED_MEANWHILE),
    (Action::Upsert, ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &["ext__c"]), cell::DELETED_MEANWHILE),
    (Action::Upsert, ("INVALID_CROSS_REFERENCE_KEY", "Record Type ID: this ID value isn't valid", &["RecordTypeId"]), cell::REJECTED),
    (Action::Delete, ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[]), cell::VANISHED),
    (Action::Update, ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &["Id"]), cell::VANISHED),
    (Action::Update, ("INVALID_CROSS_REFERENCE_KEY", "Record Type ID: this ID value isn't valid for the user: 0128M", &["RecordTypeId"]), cell::REJECTED),
    (Action::Create, ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[]), cell::REJECTED),
    (Action::Update, ("INSUFFICIENT_ACCESS", "insufficient access", &[]), cell::REJECTED),
    (Action::Update, ("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", &[]), cell::REJECTED),
    (Action::Update, ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "insufficient access rights on cross-reference id: 0015e", &[]), cell::REJECTED),
    (Action::Upsert, ("STRING_TOO_LONG", "Topic Name: data value too large: X (max length=25)", &["Name"]), cell::REJECTED),
    (Action::Upsert, ("INVALID_EMAIL_ADDRESS", "Email: invalid email address: x", &["Email"]), cell::REJECTED),
    (Action::Upsert, ("NUMBER_OUTSIDE_VALID_RANGE", "Amount: value outside of valid range on numeric field: 1", &["Amount"]), cell::REJECTED),
    (Action::Upsert, ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Rating: bad value for restricted picklist field: Terrible", &["Rating"]), cell::REJECTED),
    (Action::Upsert, ("JSON_PARSER_ERROR", "Cannot deserialize instance of datetime", &[]), cell::REJECTED),
    (Action::Upsert, ("EXCEEDED_ID_LIMIT", "record limit reached", &[]), cell::REJECTED),
    (Action::Upsert, ("MISSING_ARGUMENT", "Ext__c not specified", &[]), cell::REJECTED),
    (Action::Create, ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", TRIGGER, &[]), cell::SMALLER),
    (Action::Create, ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: … UNABLE_TO_LOCK_ROW, unable to obtain exclusive access", &[]), cell::BACKOFF),
    (Action::Update, ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", FOR_UPDATE, &[]), cell::BACKOFF),
    (Action::Update, ("CANNOT_EXECUTE_FLOW_TRIGGER", "a flow: the record is currently being modified by another user", &[]), cell::BACKOFF),
    (Action::Create, ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: System.LimitException: Too many SOQL queries: 101", &[]), cell::SMALLER),
    (Action::Create, ("CANNOT_EXECUTE_FLOW_TRIGGER", "We can't save this record because the process failed.", &[]), cell::SMALLER),
    (Action::Create, ("CUSTOM_APEX_ERROR", "System.LimitException: Apex CPU time limit exceeded", &[]), cell::SMALLER),
    (Action::Create, ("ANY", "Too many batch retries in the presence of Apex triggers and partial failures.", &[]), cell::SMALLER),
    (Action::Upsert, ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: 0035c", &[]), cell::BACKOFF),
    (Action::Upsert, ("RECORD_IN_USE_BY_WORKFLOW", "", &[]), cell::BACKOFF),
    (Action::Upsert, ("TERRITORY_REALIGN_IN_PROGRESS", "", &[]), cell::PARKED),
    (Action::Upsert, ("ENTITY_IS_LOCKED", "the entity is locked for editing", &[]), cell::REJECTED),
    (Action::Upsert, ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", &[]), cell::PARKED),
    (Action::Upsert, ("TOO_MANY_APEX_REQUESTS", "", &[]), cell::BACKOFF),
    (Action::Create, ("PLATFORM_EVENT_PUBLISH_FAILED", "", &[]), cell::BACKOFF),
    (Action::Create, ("PLATFORM_EVENT_PUBLISHING_UNAVAILABLE", "", &[]), cell::PARKED),
    (Action::Upsert, ("LIMIT_EXCEEDED", "", &[]), cell::BACKOFF),
    (Action::Upsert, ("SERVER_UNAVAILABLE", "", &[]), cell::PARKED),
    (Action::Upsert, ("API_CURRENTLY_DISABLED", "", &[]), cell::PARKED),
    (Action::Upsert, ("ORG_IN_MAINTENANCE", "", &[]), cell::PARKED),
    (Action::Upsert, ("INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "", &[]), cell::PARKED),
    (Action::Upsert, ("API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.", &[]), cell::PARKED),
    (Action::Upsert, ("INVALID_SESSION_ID", "Session expired or invalid", &[]), cell::PARKED),
    (Action::Upsert, ("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", &[]), cell::STORAGE),
    (Action::Upsert, ("UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId", &[]), cell::UNKNOWN),
    (Action::Upsert, ("QUERY_TIMEOUT", "", &[]), cell::UNKNOWN),
    (Action::Upsert, ("REQUEST_RUNNING_TOO_LONG", "", &[]), cell::UNKNOWN),
    (Action::Upsert, ("METHOD_NOT_ALLOWED", "HTTP Method 'PATCH' not allowed. Allowed are GET,HEAD,POST", &[]), cell::REJECTED),
    (Action::Upsert, ("UNSUPPORTED_API_VERSION", "", &[]), cell::PARKED),
    (Action::Upsert, ("ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back because not all records were valid", &[]), cell::BACKOFF),
    (Action::Upsert, ("PROCESSING_HALTED", "We rolled back the transaction", &[]), cell::BACKOFF),
    (Action::Upsert, ("A_CODE_OF_NEXT_YEAR", "", &[]), cell::REJECTED),
];

#[test]
fn no_row_has_the_trouble_of_the_org_or_a_place_and_no_call_an_outcome() {
    let is_orgs = |meaning: &Meaning| {
        matches!(meaning, Meaning::Retry(RetryKind::Org(_) | RetryKind::NoLease | RetryKind::Place))
    };
    let is_of_a_row = |meaning: &Meaning| match meaning {
        Meaning::Rejected | Meaning::Gone(_) => true,
        Meaning::Retry(kind) => !matches!(
            kind,
            RetryKind::Backoff | RetryKind::Parked | RetryKind::Storage | RetryKind::Place | RetryKind::Org(_)
        ),
        Meaning::Unknown => false,
    };
    let mut known = std::collections::HashSet::new();
    for (code, in_row, of_call) in CODES {
        assert!(!is_orgs(in_row), "{code} in a row: {in_row:?}");
        assert!(!of_call.as_ref().is_some_and(is_of_a_row), "{code} of a call: {of_call:?}");
        assert!(known.insert(code), "{code} has two lines");
    }
}

#[test]
fn meanings_are_in_one_order_from_giving_up_to_waiting() {
    let order = [
        &[cell::REJECTED][..],
        &[cell::VANISHED, cell::DELETED],
        &[cell::SMALLER, cell::CALL_REJECTED],
        &[cell::ALONE, cell::DELETED_MEANWHILE],
        &[cell::PARENT],
        &[cell::BACKOFF],
        &[cell::PARKED],
        &[cell::STORAGE],
        &[cell::PLACE],
        &[cell::UNKNOWN],
        &[cell::UNAVAILABLE, cell::SESSION, cell::QUOTA],
    ];
    for pair in order.windows(2) {
        assert!(pair[0].iter().all(|less| pair[1].iter().all(|more| less.waits() < more.waits())), "{pair:?}");
    }
}

#[test]
fn every_code_has_its_verdict_in_a_row() {
    for (action, error, expected) in ROWS {
        let asked = Asked { action: *action, key_field: Some("Ext__c") };
        assert_eq!(of_row(asked, &errors(&[*error])).0, *expected, "{action:?} {error:?}");
    }
}

/// Checks the order from giving up to waiting: [`Meaning::waits`].
#[test]
fn a_text_moves_a_row_only_toward_waiting() {
    for (action, (code, text, fields), expected) in ROWS {
        let asked = Asked { action: *action, key_field: Some("Ext__c") };
        let foreign = of_row(asked, &errors(&[(code, FOREIGN, fields)])).0;
        assert!(expected.waits() >= foreign.waits(), "{action:?} {code} {text}: {foreign:?} without it");
        if *expected != foreign {
            let known =
                [(cell::SMALLER, cell::BACKOFF), (cell::REJECTED, cell::SMALLER), (cell::REJECTED, cell::PARENT)];
            assert!(known.contains(&(foreign.clone(), expected.clone())), "{code} {text}: {foreign:?} → {expected:?}");
        }
    }
}

#[test]
fn a_missing_parent_is_known_by_code_and_text() {
    let parent = "Foreign key external ID: 1580 not found for field Ext__c in entity User";
    for (code, text, expected) in [
        (Some("INVALID_FIELD"), parent, true),
        (Some("INVALID_FIELD"), FOREIGN, false),
        (Some("INVALID_FIELD"), "No such column 'FavoritePet__c' on sobject of type Account", false),
        (Some("STRING_TOO_LONG"), parent, false),
        (None, parent, false),
    ] {
        let cause = Cause { code: code.map(Into::into), ..Cause::new(text) };
        assert_eq!(is_missing_parent(&cause), expected, "{code:?} {text}");
    }
}

#[test]
fn a_rejection_for_a_field_leaves_the_description_in_doubt() {
    let parent = "Foreign key external ID: 1580 not found for field Ext__c in entity User";
    for (code, text, expected) in [
        ("INVALID_FIELD", "No such column 'X' on sobject of type Account", true),
        ("INVALID_FIELD_FOR_INSERT_UPDATE", FOREIGN, true),
        ("INVALID_TYPE", FOREIGN, true),
        ("INVALID_FIELD", parent, false),
        ("STRING_TOO_LONG", FOREIGN, false),
    ] {
        let cause = Cause { code: Some(code.into()), ..Cause::new(text) };
        assert_eq!(doubts_description(&cause), expected, "{code} {text}");
    }
}

#[test]
fn of_several_errors_the_one_that_waits_counts() {
    let asked = Asked { action: Action::Upsert, key_field: None };
    let both = errors(&[("STRING_TOO_LONG", "", &["Name"]), ("UNABLE_TO_LOCK_ROW", "", &[])]);
    assert_eq!(of_row(asked, &both).0, cell::BACKOFF);
}

#[test]
fn a_transactions_cause_is_one_only_where_rows_share_it() {
    let asked = Asked { action: Action::Create, key_field: None };
    let trigger = errors(&[("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", TRIGGER, &[])]);
    let flow = errors(&[("CANNOT_EXECUTE_FLOW_TRIGGER", "", &[])]);
    let meanings = |rows: &[&Errors]| -> Vec<_> {
        let shared = shared_codes(asked, rows.iter().copied());
        rows.iter().map(|errors| of_failed_row(asked, errors, &shared).0).collect()
    };
    assert_eq!(meanings(&[&trigger, &flow]), [cell::REJECTED, cell::REJECTED]);
    assert_eq!(meanings(&[&trigger, &flow, &trigger]), [cell::SMALLER, cell::REJECTED, cell::SMALLER]);
}

#[test]
fn a_row_refused_without_a_reason_is_rejected() {
    let asked = Asked { action: Action::Create, key_field: None };
    let (meaning, cause) = of_failed_row(asked, &Errors::default(), &[]);
    assert_eq!((meaning, &*cause.message), (cell::REJECTED, "the org rejected the row without saying why"));
}

#[test]
fn the_outcome_of_a_gone_record_depends_on_action_and_origin() {
    use {Action::*, Gone::*, IdOrigin::*};
    for (gone, action, named, maybe_applied, expected) in [
        (Deleted, Delete, Record, false, AfterGone::Written),
        (Vanished, Delete, Record, false, AfterGone::NotFound),
        (Vanished, Delete, Record, true, AfterGone::Written),
        (Vanished, Delete, Query, false, AfterGone::Written),
        (Deleted, Delete, Cache, false, AfterGone::ResolveAgain),
        (Vanished, Update, Cache, false, AfterGone::ResolveAgain),
        (Vanished, Update, Query, false, AfterGone::Rejected),
        (Deleted, Update, Query, false, AfterGone::NotFound),
        (Vanished, Update, Record, false, AfterGone::NotFound),
        (Deleted, Update, Record, true, AfterGone::NotFound),
    ] {
        assert_eq!(of_gone(gone, action, named, maybe_applied), expected, "{gone:?} {action:?} {named:?}");
    }
}

const JSON: bool = true;
const HTML: bool = false;

/// Statuses, whether the body is Salesforce's JSON, codes and texts, with their meaning for a write.
#[rustfmt::skip]
static CALLS: &[(u16, bool, &str, &str, Answered)] = &[
    (200, JSON, "", "", Answered::Taken),
    (201, HTML, "", "", Answered::ResponseMismatch),
    (204, HTML, "", "", Answered::ResponseMismatch),
    (300, HTML, "", "", Answered::Failed(cell::PLACE)),
    (302, HTML, "", "", Answered::Failed(cell::PLACE)),
    (307, JSON, "A_CODE_OF_NEXT_YEAR", "", Answered::Failed(cell::PLACE)),
    (400, JSON, "JSON_PARSER_ERROR", "Unexpected character at [line:1, column:18]", Answered::Failed(cell::CALL_REJECTED)),
    (400, JSON, "INVALID_FIELD", "No such column 'X' on sobject of type Account", Answered::Failed(cell::CALL_REJECTED)),
    (400, JSON, "EXCEEDED_ID_LIMIT", "record limit reached", Answered::Failed(cell::CALL_REJECTED)),
    (400, JSON, "A_CODE_OF_NEXT_YEAR", "", Answered::Failed(cell::CALL_REJECTED)),
    (400, JSON, "MALFORMED_ID", "", Answered::Failed(cell::CALL_REJECTED)),
    (400, JSON, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", TRIGGER, Answered::Failed(cell::CALL_REJECTED)),
    (400, JSON, "UNABLE_TO_LOCK_ROW", "", Answered::Failed(cell::BACKOFF)),
    (400, JSON, "RECORD_IN_USE_BY_WORKFLOW", "", Answered::Failed(cell::BACKOFF)),
    (400, JSON, "STORAGE_LIMIT_EXCEEDED", "", Answered::Failed(cell::STORAGE)),
    (403, JSON, "STORAGE_LIMIT_EXCEEDED", "", Answered::Failed(cell::STORAGE)),
    (400, JSON, "TERRITORY_REALIGN_IN_PROGRESS", "", Answered::Failed(cell::PARKED)),
    (400, JSON, "INVALID_TYPE", "sObject type 'XYZZY' is not supported.", Answered::Failed(cell::CALL_REJECTED)),
    (400, JSON, "ORG_IN_MAINTENANCE", "", Answered::Failed(cell::UNAVAILABLE)),
    (400, JSON, "API_CURRENTLY_DISABLED", "", Answered::Failed(cell::SESSION)),
    (400, JSON, "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "", Answered::Failed(cell::UNAVAILABLE)),
    (400, JSON, "TOO_MANY_APEX_REQUESTS", "", Answered::Failed(cell::UNAVAILABLE)),
    (400, JSON, "QUERY_TIMEOUT", "", Answered::Failed(cell::UNKNOWN)),
    (400, JSON, "REQUEST_RUNNING_TOO_LONG", "", Answered::Failed(cell::UNKNOWN)),
    (400, HTML, "", "", Answered::Failed(cell::PLACE)),
    (401, JSON, "INVALID_SESSION_ID", "Session expired or invalid", Answered::Failed(cell::SESSION)),
    (401, JSON, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", Answered::Failed(cell::SESSION)),
    (401, JSON, "INVALID_SESSION_ID", "This session is not valid for use with the REST API", Answered::Failed(cell::SESSION)),
    // Pasted from an org whose access tokens are JWTs.
    (401, JSON, "INVALID_JWT_FORMAT", "Invalid JWT", Answered::Failed(cell::SESSION)),
    (401, HTML, "", "", Answered::Failed(cell::SESSION)),
    (403, JSON, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", Answered::Failed(cell::QUOTA)),
    (403, JSON, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.", Answered::Failed(cell::UNAVAILABLE)),
    (403, JSON, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.", Answered::Failed(cell::UNAVAILABLE)),
    (403, JSON, "REQUEST_LIMIT_EXCEEDED", FOREIGN, Answered::Failed(cell::UNAVAILABLE)),
    (403, JSON, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.", Answered::Failed(cell::SESSION)),
    (403, JSON, "INSUFFICIENT_ACCESS", "Upsert requires view all data on a non-unique custom index", Answered::Failed(cell::PLACE)),
    (400, JSON, "INSUFFICIENT_ACCESS", "", Answered::Failed(cell::PLACE)),
    (402, JSON, "A_CODE_OF_NEXT_YEAR", "", Answered::Failed(cell::CALL_REJECTED)),
    (402, HTML, "", "", Answered::Failed(cell::PLACE)),
    (403, JSON, "FUNCTIONALITY_NOT_ENABLED", "", Answered::Failed(cell::PLACE)),
    (403, JSON, "A_CODE_OF_NEXT_YEAR", "", Answered::Failed(cell::PLACE)),
    (403, HTML, "", "", Answered::Failed(cell::PLACE)),
    (404, JSON, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: x", Answered::Failed(cell::PLACE)),
    (404, JSON, "NOT_FOUND", "The requested resource does not exist", Answered::Failed(cell::PLACE)),
    (404, HTML, "", "", Answered::Failed(cell::PLACE)),
    (405, JSON, "METHOD_NOT_ALLOWED", "HTTP Method 'PATCH' not allowed.", Answered::Failed(cell::PLACE)),
    (405, HTML, "", "", Answered::Failed(cell::PLACE)),
    (406, HTML, "", "", Answered::Failed(cell::PLACE)),
    (407, HTML, "", "", Answered::Failed(cell::PLACE)),
    (408, HTML, "", "", Answered::Failed(cell::UNKNOWN)),
    (409, JSON, "CONFLICT", "", Answered::Failed(cell::CALL_REJECTED)),
    (409, HTML, "", "", Answered::Failed(cell::PLACE)),
    (410, JSON, "UNSUPPORTED_API_VERSION", "", Answered::Failed(cell::UNAVAILABLE)),
    (410, JSON, "A_CODE_OF_NEXT_YEAR", "", Answered::Failed(cell::PLACE)),
    (410, HTML, "", "", Answered::Failed(cell::PLACE)),
    (413, HTML, "", "", Answered::Failed(cell::CALL_REJECTED)),
    (414, HTML, "", "", Answered::Failed(cell::CALL_REJECTED)),
    (415, JSON, "UNSUPPORTED_MEDIA_TYPE", "", Answered::Failed(cell::PLACE)),
    (415, HTML, "", "", Answered::Failed(cell::PLACE)),
    (418, HTML, "", "", Answered::Failed(cell::PLACE)),
    (420, HTML, "", "", Answered::Failed(cell::UNAVAILABLE)),
    (428, JSON, "PRECONDITION_REQUIRED", "", Answered::Failed(cell::CALL_REJECTED)),
    (429, HTML, "", "", Answered::Failed(cell::UNAVAILABLE)),
    (431, HTML, "", "", Answered::Failed(cell::CALL_REJECTED)),
    (451, HTML, "", "", Answered::Failed(cell::PLACE)),
    (499, HTML, "", "", Answered::Failed(cell::PLACE)),
    (500, JSON, "UNKNOWN_EXCEPTION", "An unexpected error occurred.", Answered::Failed(cell::UNKNOWN)),
    (500, HTML, "", "", Answered::Failed(cell::UNKNOWN)),
    (500, JSON, "A_CODE_OF_NEXT_YEAR", "", Answered::Failed(cell::UNKNOWN)),
    (502, HTML, "", "", Answered::Failed(cell::UNKNOWN)),
    (403, JSON, "SERVER_UNAVAILABLE", "", Answered::Failed(cell::UNAVAILABLE)),
    (503, JSON, "SERVER_UNAVAILABLE", "", Answered::Failed(cell::UNAVAILABLE)),
    (503, JSON, "A_CODE_OF_NEXT_YEAR", "", Answered::Failed(cell::UNAVAILABLE)),
    (503, HTML, "", "", Answered::Failed(cell::UNKNOWN)),
    (504, HTML, "", "", Answered::Failed(cell::UNKNOWN)),
];

fn call(purpose: Purpose, status: u16, json: bool, code: &'static str, text: &'static str) -> Answered {
    let body = json.then(|| errors(&[(code, text, &[])]));
    of_call(purpose, StatusCode::from_u16(status).unwrap(), body.as_ref(), Facts::default())
}

#[test]
fn every_status_has_its_verdict_for_a_call() {
    for (status, json, code, text, expected) in CALLS {
        assert_eq!(call(Purpose::Write, *status, *json, code, text), *expected, "{status} {code} {text}");
    }
}

/// A write whose records are looked up first is refused in its look-up as it would be itself; a look-up has, besides,
/// only its SObject and its key field to be rejected for.
#[test]
fn a_look_up_is_judged_as_the_write_that_it_belongs_to() {
    let no_column = "No such column 'Ext__c' on entity 'Account'. If you are attempting to use a custom field, …";
    for (status, json, code, text, of_write) in CALLS {
        let expected = match (*code, *text) {
            ("INVALID_TYPE", _) => Answered::Failed(cell::PLACE),
            ("INVALID_FIELD", text) if text.contains("No such column") => Answered::Failed(cell::PLACE),
            _ => of_write.clone(),
        };
        assert_eq!(call(Purpose::Resolve, *status, *json, code, text), expected, "{status} {code} {text}");
    }
    for (code, text, expected) in [
        ("INVALID_TYPE", FOREIGN, cell::PLACE),
        ("INVALID_FIELD", no_column, cell::PLACE),
        // The description says whether the key field is still there.
        ("INVALID_FIELD", FOREIGN, cell::CALL_REJECTED),
        ("MALFORMED_QUERY", no_column, cell::CALL_REJECTED),
    ] {
        assert_eq!(call(Purpose::Resolve, 400, JSON, code, text), Answered::Failed(expected), "{code} {text}");
    }
}

/// What is asked of no SObject shows how the org is.
#[test]
fn a_refusal_of_the_bare_probe_is_the_orgs_trouble() {
    for (status, json, code, text, of_write) in CALLS {
        let expected = match (of_write, code) {
            (Answered::Failed(cell::PLACE), &"INSUFFICIENT_ACCESS") if *status == 400 => {
                Answered::Failed(cell::CALL_REJECTED)
            }
            (Answered::Failed(cell::PLACE), _) => Answered::Failed(cell::UNAVAILABLE),
            _ => of_write.clone(),
        };
        assert_eq!(call(Purpose::Read, *status, *json, code, text), expected, "{status} {code} {text}");
    }
}

#[test]
fn a_text_moves_a_call_only_toward_waiting() {
    for purpose in [Purpose::Write, Purpose::Resolve, Purpose::Read, Purpose::Describe] {
        for (status, json, code, text, _) in CALLS {
            let [told, foreign] = [text, FOREIGN].map(|text| call(purpose, *status, *json, code, text));
            match (&told, &foreign) {
                (Answered::Failed(told), Answered::Failed(foreign)) => assert!(
                    told.waits() >= foreign.waits(),
                    "{purpose:?} {status} {code} {text}: {told:?}, {foreign:?} without it"
                ),
                _ => assert_eq!(told, foreign, "{purpose:?} {status} {code} {text}"),
            }
        }
    }
}

#[test]
fn the_daily_limit_is_known_by_usage_where_its_text_is_not() {
    let refused = |text, used| {
        let body = errors(&[("REQUEST_LIMIT_EXCEEDED", text, &[])]);
        of_call(
            Purpose::Write,
            StatusCode::FORBIDDEN,
            Some(&body),
            Facts { usage: Some(Usage { used, max: 100 }), salesforces: true },
        )
    };
    assert_eq!(refused(FOREIGN, 100), Answered::Failed(cell::QUOTA));
    assert_eq!(refused(FOREIGN, 99), Answered::Failed(cell::UNAVAILABLE));
    assert_eq!(refused("ConcurrentPerOrgLongTxn Limit exceeded.", 100), Answered::Failed(cell::UNAVAILABLE));
}

#[test]
fn a_describe_is_told_that_there_is_no_such_sobject() {
    assert_eq!(call(Purpose::Describe, 404, JSON, "NOT_FOUND", ""), Answered::Failed(cell::CALL_REJECTED));
    assert_eq!(call(Purpose::Describe, 403, JSON, "INSUFFICIENT_ACCESS", ""), Answered::Failed(cell::CALL_REJECTED));
    assert_eq!(
        call(Purpose::Describe, 403, JSON, "REQUEST_LIMIT_EXCEEDED", "TotalRequests"),
        Answered::Failed(cell::QUOTA)
    );
    assert_eq!(
        call(Purpose::Describe, 410, JSON, "UNSUPPORTED_API_VERSION", ""),
        Answered::Failed(cell::CALL_REJECTED)
    );
}

/// Nothing is known of the SObject, and other descriptions may be had.
#[test]
fn a_describe_that_something_before_the_org_refuses_waits_alone() {
    for (status, json, code) in [
        (302, HTML, ""),
        (400, HTML, ""),
        (403, HTML, ""),
        (404, HTML, ""),
        (406, HTML, ""),
        (410, HTML, ""),
        (499, HTML, ""),
        (405, JSON, "METHOD_NOT_ALLOWED"),
    ] {
        assert_eq!(call(Purpose::Describe, status, json, code, ""), Answered::Failed(cell::PLACE), "{status} {code}");
    }
    for (status, code) in [(503, "SERVER_UNAVAILABLE"), (403, "ORG_IN_MAINTENANCE")] {
        assert_eq!(call(Purpose::Describe, status, JSON, code, ""), Answered::Failed(cell::UNAVAILABLE), "{code}");
    }
}

/// An answer without Salesforce's JSON, and with the headers of Salesforce's edge.
#[test]
fn an_error_of_salesforces_edge_means_not_applied() {
    for (status, expected) in [
        (420, Answered::Failed(cell::UNAVAILABLE)),
        (500, Answered::Failed(cell::UNKNOWN)),
        (502, Answered::Failed(cell::UNAVAILABLE)),
        (503, Answered::Failed(cell::UNAVAILABLE)),
        (504, Answered::Failed(cell::UNKNOWN)),
    ] {
        let facts = Facts { salesforces: true, ..Facts::default() };
        assert_eq!(of_call(Purpose::Write, StatusCode::from_u16(status).unwrap(), None, facts), expected, "{status}");
    }
}

#[test]
fn a_call_that_ran_too_long_is_told_from_one_that_is_lost() {
    for (status, code, expected) in [
        (504, None, Doubt::TimedOut),
        (400, Some("QUERY_TIMEOUT"), Doubt::TimedOut),
        (400, Some("REQUEST_RUNNING_TOO_LONG"), Doubt::TimedOut),
        (500, Some("UNKNOWN_EXCEPTION"), Doubt::Lost),
        (502, None, Doubt::Lost),
    ] {
        let cause = Cause { code: code.map(Into::into), http_status: Some(status), ..Cause::new("") };
        assert_eq!(doubt(&cause), expected, "{status} {code:?}");
    }
}
