use super::{super::answer::RowError, *};

/// (code, text, fields): one error.
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

/// Of a trigger that reads `FOR UPDATE`, pasted from a live org.
const FOR_UPDATE: &str = "T: execution of BeforeUpdate caused by: System.QueryException: Record Currently Unavailable: The record you are attempting to edit, or one of its related records, is currently being modified by another user. Please try again.";

/// Every code that is known from documentation and recordings, in a row of a call of many, and what it means there for
/// each action.
#[rustfmt::skip]
const ROWS: &[(Action, Error, RowVerdict)] = &[
    (Action::Update, ("MALFORMED_ID", "Record ID: id value of incorrect type: a00B000000FSjVUIB1", &["Id"]), in_row::Rejected),
    (Action::Delete, ("MALFORMED_ID", "malformed id 001RM000003oLrB000", &[]), in_row::Rejected),
    (Action::Upsert, ("INVALID_FIELD", "No such column 'FavoritePet__c' on sobject of type Account", &[]), in_row::Rejected),
    (Action::Upsert, ("INVALID_FIELD", "Foreign key external ID: 1580 not found for field Ext__c in entity User", &[]), in_row::MissingParent),
    (Action::Create, ("INVALID_FIELD", "Foreign key external ID: C-1 not found for field Ext__c in entity Account", &[]), in_row::MissingParent),
    (Action::Update, ("INVALID_FIELD", "Foreign key external ID: C-1 not found for field Ext__c in entity Account", &[]), in_row::MissingParent),
    (Action::Upsert, ("INVALID_FIELD", "Field name provided, Phone is not an External ID or indexed field for Account", &[]), in_row::Rejected),
    (Action::Upsert, ("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: Name. Please check …", &["Name"]), in_row::Rejected),
    (Action::Upsert, ("INVALID_TYPE", "sObject type 'XYZZY' is not supported.", &[]), in_row::Rejected),
    (Action::Upsert, ("NOT_FOUND", "Provided external ID field does not exist or is not accessible: x", &[]), in_row::Rejected),
    (Action::Update, ("NOT_FOUND", "The requested resource does not exist", &[]), in_row::Vanished),
    (Action::Delete, ("NOT_FOUND", "The requested resource does not exist", &[]), in_row::Vanished),
    (Action::Create, ("REQUIRED_FIELD_MISSING", "Required fields are missing: [Website__c]", &["Website__c"]), in_row::Rejected),
    (Action::Create, ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "no", &[]), in_row::Rejected),
    (Action::Create, ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Too many open orders, mind the heap size", &[]), in_row::Rejected),
    (Action::Create, ("FIELD_FILTER_VALIDATION_EXCEPTION", "Too many accounts to choose from", &[]), in_row::Rejected),
    (Action::Create, ("DUPLICATES_DETECTED", "Too many people of this name", &[]), in_row::Rejected),
    (Action::Create, ("STRING_TOO_LONG", "Name: data value too large: Too many cooks (max length=5)", &["Name"]), in_row::Rejected),
    (Action::Create, ("FIELD_INTEGRITY_EXCEPTION", "Owner: id value of incorrect type", &["OwnerId"]), in_row::Rejected),
    (Action::Upsert, ("DUPLICATE_VALUE", "duplicate value found: Ext__c duplicates value on record with id: 0035800000Fak", &[]), in_row::Apart),
    (Action::Upsert, ("DUPLICATE_VALUE", "duplicate value found: <unknown> duplicates value on record with id: <unknown>", &[]), in_row::Apart),
    (Action::Upsert, ("DUPLICATE_VALUE", "Already a campaign member.", &[]), in_row::Apart),
    (Action::Upsert, ("DUPLICATE_VALUE", "duplicate value found: Email__c duplicates value on record with id: 0035800000Fak", &[]), in_row::Apart),
    (Action::Upsert, ("DUPLICATE_VALUE", "Duplicate external id specified: a-1", &["ext__C"]), in_row::Apart),
    (Action::Upsert, ("DUPLICATE_VALUE", "duplicate value found: Other__c duplicates value", &["Other__c"]), in_row::Rejected),
    (Action::Create, ("DUPLICATE_VALUE", "duplicate value found: Ext__c duplicates value", &[]), in_row::Rejected),
    (Action::Update, ("DUPLICATE_VALUE", "duplicate value found: Ext__c duplicates value", &[]), in_row::Rejected),
    (Action::Upsert, ("DUPLICATE_EXTERNAL_ID", "Key: more than one record found for external id field: [id1, id2]", &[]), in_row::Rejected),
    (Action::Upsert, ("DUPLICATES_DETECTED", "Use one of these records?", &[]), in_row::Rejected),
    (Action::Delete, ("ENTITY_IS_DELETED", "entity is deleted", &[]), in_row::Deleted),
    (Action::Update, ("ENTITY_IS_DELETED", "entity is deleted", &[]), in_row::Deleted),
    (Action::Upsert, ("ENTITY_IS_DELETED", "entity is deleted", &[]), in_row::GoneMeanwhile),
    (Action::Upsert, ("ENTITY_IS_DELETED", "entity is deleted", &["AccountId"]), in_row::Rejected),
    (Action::Create, ("ENTITY_IS_DELETED", "entity is deleted", &[]), in_row::Rejected),
    (Action::Upsert, ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[]), in_row::GoneMeanwhile),
    (Action::Upsert, ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &["ext__c"]), in_row::GoneMeanwhile),
    (Action::Upsert, ("INVALID_CROSS_REFERENCE_KEY", "Record Type ID: this ID value isn't valid", &["RecordTypeId"]), in_row::Rejected),
    (Action::Delete, ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[]), in_row::Vanished),
    (Action::Update, ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &["Id"]), in_row::Vanished),
    (Action::Update, ("INVALID_CROSS_REFERENCE_KEY", "Record Type ID: this ID value isn't valid for the user: 0128M", &["RecordTypeId"]), in_row::Rejected),
    (Action::Create, ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[]), in_row::Rejected),
    (Action::Update, ("INSUFFICIENT_ACCESS", "insufficient access", &[]), in_row::Rejected),
    (Action::Update, ("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", &[]), in_row::Rejected),
    (Action::Update, ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "insufficient access rights on cross-reference id: 0015e", &[]), in_row::Rejected),
    (Action::Upsert, ("STRING_TOO_LONG", "Topic Name: data value too large: X (max length=25)", &["Name"]), in_row::Rejected),
    (Action::Upsert, ("INVALID_EMAIL_ADDRESS", "Email: invalid email address: x", &["Email"]), in_row::Rejected),
    (Action::Upsert, ("NUMBER_OUTSIDE_VALID_RANGE", "Amount: value outside of valid range on numeric field: 1", &["Amount"]), in_row::Rejected),
    (Action::Upsert, ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Rating: bad value for restricted picklist field: Terrible", &["Rating"]), in_row::Rejected),
    (Action::Upsert, ("JSON_PARSER_ERROR", "Cannot deserialize instance of datetime", &[]), in_row::Rejected),
    (Action::Upsert, ("EXCEEDED_ID_LIMIT", "record limit reached", &[]), in_row::Rejected),
    (Action::Upsert, ("MISSING_ARGUMENT", "Ext__c not specified", &[]), in_row::Rejected),
    (Action::Create, ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", TRIGGER, &[]), in_row::Transaction),
    (Action::Create, ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: … UNABLE_TO_LOCK_ROW, unable to obtain exclusive access", &[]), in_row::Again),
    (Action::Update, ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", FOR_UPDATE, &[]), in_row::Again),
    (Action::Update, ("CANNOT_EXECUTE_FLOW_TRIGGER", "a flow: the record is currently being modified by another user", &[]), in_row::Again),
    (Action::Create, ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: System.LimitException: Too many SOQL queries: 101", &[]), in_row::Transaction),
    (Action::Create, ("CANNOT_EXECUTE_FLOW_TRIGGER", "We can't save this record because the process failed.", &[]), in_row::Transaction),
    (Action::Create, ("CUSTOM_APEX_ERROR", "System.LimitException: Apex CPU time limit exceeded", &[]), in_row::Transaction),
    (Action::Create, ("ANY", "Too many batch retries in the presence of Apex triggers and partial failures.", &[]), in_row::Transaction),
    (Action::Upsert, ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: 0035c", &[]), in_row::Again),
    (Action::Upsert, ("RECORD_IN_USE_BY_WORKFLOW", "", &[]), in_row::Again),
    (Action::Upsert, ("TERRITORY_REALIGN_IN_PROGRESS", "", &[]), in_row::Again),
    (Action::Upsert, ("ENTITY_IS_LOCKED", "the entity is locked for editing", &[]), in_row::Rejected),
    (Action::Upsert, ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", &[]), in_row::Parked),
    (Action::Upsert, ("TOO_MANY_APEX_REQUESTS", "", &[]), in_row::Again),
    (Action::Create, ("PLATFORM_EVENT_PUBLISH_FAILED", "", &[]), in_row::Again),
    (Action::Create, ("PLATFORM_EVENT_PUBLISHING_UNAVAILABLE", "", &[]), in_row::Parked),
    (Action::Upsert, ("LIMIT_EXCEEDED", "", &[]), in_row::Again),
    (Action::Upsert, ("SERVER_UNAVAILABLE", "", &[]), in_row::Parked),
    (Action::Upsert, ("API_CURRENTLY_DISABLED", "", &[]), in_row::Parked),
    (Action::Upsert, ("ORG_IN_MAINTENANCE", "", &[]), in_row::Parked),
    (Action::Upsert, ("INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "", &[]), in_row::Parked),
    (Action::Upsert, ("API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.", &[]), in_row::Parked),
    (Action::Upsert, ("INVALID_SESSION_ID", "Session expired or invalid", &[]), in_row::Parked),
    (Action::Upsert, ("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", &[]), in_row::Parked),
    (Action::Upsert, ("UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId", &[]), in_row::Unknown),
    (Action::Upsert, ("QUERY_TIMEOUT", "", &[]), in_row::Unknown),
    (Action::Upsert, ("REQUEST_RUNNING_TOO_LONG", "", &[]), in_row::Unknown),
    (Action::Upsert, ("METHOD_NOT_ALLOWED", "HTTP Method 'PATCH' not allowed. Allowed are GET,HEAD,POST", &[]), in_row::Rejected),
    (Action::Upsert, ("UNSUPPORTED_API_VERSION", "", &[]), in_row::Parked),
    (Action::Upsert, ("ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back because not all records were valid", &[]), in_row::Again),
    (Action::Upsert, ("PROCESSING_HALTED", "We rolled back the transaction", &[]), in_row::Again),
    (Action::Upsert, ("A_CODE_OF_NEXT_YEAR", "", &[]), in_row::Rejected),
];

#[test]
fn every_code_has_its_verdict_in_a_row() {
    for (action, error, expected) in ROWS {
        let asked = Asked { action: *action, key_field: Some("Ext__c") };
        assert_eq!(of_row(asked, &errors(&[*error])).0, *expected, "{action:?} {error:?}");
    }
}

/// From giving up to waiting: [`RowVerdict::waits`].
#[test]
fn a_text_moves_a_row_only_toward_waiting() {
    for (action, (code, text, fields), expected) in ROWS {
        let asked = Asked { action: *action, key_field: Some("Ext__c") };
        let foreign = of_row(asked, &errors(&[(code, FOREIGN, fields)])).0;
        assert!(expected.waits() >= foreign.waits(), "{action:?} {code} {text}: {foreign:?} without it");
        if *expected != foreign {
            let known = [
                (in_row::Transaction, in_row::Again),
                (in_row::Rejected, in_row::Transaction),
                (in_row::Rejected, in_row::MissingParent),
            ];
            assert!(known.contains(&(foreign, *expected)), "{code} {text}: {foreign:?} → {expected:?}");
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
fn a_refusal_for_a_field_leaves_the_description_in_doubt() {
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
    assert_eq!(of_row(asked, &both).0, in_row::Again);
}

#[test]
fn a_transactions_cause_is_one_only_where_rows_share_it() {
    let asked = Asked { action: Action::Create, key_field: None };
    let trigger = errors(&[("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", TRIGGER, &[])]);
    let flow = errors(&[("CANNOT_EXECUTE_FLOW_TRIGGER", "", &[])]);
    let verdicts = |rows: &[Option<&Errors>]| -> Vec<_> {
        of_rows(asked, rows).into_iter().map(|row| row.map(|(verdict, _)| verdict)).collect()
    };
    assert_eq!(verdicts(&[Some(&trigger), None, Some(&flow)]), [Some(in_row::Rejected), None, Some(in_row::Rejected)]);
    assert_eq!(
        verdicts(&[Some(&trigger), Some(&flow), Some(&trigger)]),
        [Some(in_row::Transaction), Some(in_row::Rejected), Some(in_row::Transaction)]
    );
}

#[test]
fn a_row_refused_without_a_reason_is_rejected() {
    let asked = Asked { action: Action::Create, key_field: None };
    let rows = of_rows(asked, &[Some(&Errors::default())]);
    let (verdict, cause) = rows[0].as_ref().unwrap();
    assert_eq!((*verdict, &*cause.message), (in_row::Rejected, "the org refused the row without saying why"));
}

#[test]
fn gone_is_what_a_delete_wanted_unless_it_never_was() {
    use {Action::*, NamedBy::*, in_row::*};
    for (verdict, action, named, maybe_applied, expected) in [
        (Deleted, Delete, Record, false, Gone::Written),
        (Vanished, Delete, Record, false, Gone::NotFound),
        (Vanished, Delete, Record, true, Gone::Written),
        (Vanished, Delete, Query, false, Gone::Written),
        (Deleted, Delete, Cache, false, Gone::ResolveAgain),
        (Vanished, Update, Cache, false, Gone::ResolveAgain),
        (Vanished, Update, Query, false, Gone::Refused),
        (Deleted, Update, Query, false, Gone::NotFound),
        (Vanished, Update, Record, false, Gone::NotFound),
        (Deleted, Update, Record, true, Gone::NotFound),
    ] {
        assert_eq!(of_gone(verdict, action, named, maybe_applied), expected, "{verdict:?} {action:?} {named:?}");
    }
}

const JSON: bool = true;
const HTML: bool = false;

/// (status, is it Salesforce's JSON, code, text) → what it means of a write.
#[rustfmt::skip]
const CALLS: &[(u16, bool, &str, &str, CallVerdict)] = &[
    (200, JSON, "", "", of_call::Taken),
    (201, HTML, "", "", of_call::Unfitting),
    (204, HTML, "", "", of_call::Unfitting),
    (300, HTML, "", "", of_call::Later),
    (302, HTML, "", "", of_call::Later),
    (307, JSON, "A_CODE_OF_NEXT_YEAR", "", of_call::Later),
    (400, JSON, "JSON_PARSER_ERROR", "Unexpected character at [line:1, column:18]", of_call::Refused),
    (400, JSON, "INVALID_FIELD", "No such column 'X' on sobject of type Account", of_call::Refused),
    (400, JSON, "EXCEEDED_ID_LIMIT", "record limit reached", of_call::Refused),
    (400, JSON, "A_CODE_OF_NEXT_YEAR", "", of_call::Refused),
    (400, JSON, "MALFORMED_ID", "", of_call::Refused),
    (400, JSON, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", TRIGGER, of_call::Refused),
    (400, JSON, "UNABLE_TO_LOCK_ROW", "", of_call::Again),
    (400, JSON, "RECORD_IN_USE_BY_WORKFLOW", "", of_call::Again),
    (400, JSON, "STORAGE_LIMIT_EXCEEDED", "", of_call::Parked),
    (400, JSON, "ORG_IN_MAINTENANCE", "", of_call::Later),
    (400, JSON, "API_CURRENTLY_DISABLED", "", of_call::Later),
    (400, JSON, "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "", of_call::Later),
    (400, JSON, "TOO_MANY_APEX_REQUESTS", "", of_call::Later),
    (400, JSON, "QUERY_TIMEOUT", "", of_call::Unknown),
    (400, JSON, "REQUEST_RUNNING_TOO_LONG", "", of_call::Unknown),
    (400, HTML, "", "", of_call::Later),
    (401, JSON, "INVALID_SESSION_ID", "Session expired or invalid", of_call::Expired),
    (401, JSON, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", of_call::Expired),
    (401, JSON, "INVALID_SESSION_ID", "This session is not valid for use with the REST API", of_call::Expired),
    // Pasted from an org whose access tokens are JWTs.
    (401, JSON, "INVALID_JWT_FORMAT", "Invalid JWT", of_call::Expired),
    (401, HTML, "", "", of_call::Expired),
    (403, JSON, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", of_call::Quota),
    (403, JSON, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.", of_call::Later),
    (403, JSON, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.", of_call::Later),
    (403, JSON, "REQUEST_LIMIT_EXCEEDED", FOREIGN, of_call::Later),
    (403, JSON, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.", of_call::Later),
    (403, JSON, "INSUFFICIENT_ACCESS", "Upsert requires view all data on a non-unique custom index", of_call::Parked),
    (400, JSON, "INSUFFICIENT_ACCESS", "", of_call::Parked),
    (403, HTML, "", "", of_call::Later),
    (404, JSON, "NOT_FOUND", "The requested resource does not exist", of_call::Later),
    (404, HTML, "", "", of_call::Later),
    (405, JSON, "METHOD_NOT_ALLOWED", "HTTP Method 'PATCH' not allowed.", of_call::Later),
    (408, HTML, "", "", of_call::Unknown),
    (409, JSON, "CONFLICT", "", of_call::Refused),
    (409, HTML, "", "", of_call::Later),
    (410, JSON, "UNSUPPORTED_API_VERSION", "", of_call::Later),
    (413, HTML, "", "", of_call::Refused),
    (414, HTML, "", "", of_call::Refused),
    (415, JSON, "UNSUPPORTED_MEDIA_TYPE", "", of_call::Later),
    (420, HTML, "", "", of_call::Later),
    (428, JSON, "PRECONDITION_REQUIRED", "", of_call::Refused),
    (429, HTML, "", "", of_call::Later),
    (431, HTML, "", "", of_call::Refused),
    (500, JSON, "UNKNOWN_EXCEPTION", "An unexpected error occurred.", of_call::Unknown),
    (500, HTML, "", "", of_call::Unknown),
    (500, JSON, "A_CODE_OF_NEXT_YEAR", "", of_call::Unknown),
    (502, HTML, "", "", of_call::Unknown),
    (503, JSON, "SERVER_UNAVAILABLE", "", of_call::Later),
    (503, JSON, "A_CODE_OF_NEXT_YEAR", "", of_call::Later),
    (503, HTML, "", "", of_call::Unknown),
    (504, HTML, "", "", of_call::Unknown),
];

fn call(purpose: Purpose, status: u16, json: bool, code: &'static str, text: &'static str) -> CallVerdict {
    let body = json.then(|| errors(&[(code, text, &[])]));
    of_call(purpose, StatusCode::from_u16(status).unwrap(), body.as_ref(), Facts::default())
}

#[test]
fn every_status_has_its_verdict_for_a_call() {
    for (status, json, code, text, expected) in CALLS {
        assert_eq!(call(Purpose::Write, *status, *json, code, text), *expected, "{status} {code} {text}");
    }
}

#[test]
fn a_text_moves_a_call_only_toward_waiting() {
    for (status, json, code, text, expected) in CALLS {
        let foreign = call(Purpose::Write, *status, *json, code, FOREIGN);
        assert!(expected.waits() >= foreign.waits(), "{status} {code} {text}: {foreign:?} without it");
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
    assert_eq!(refused(FOREIGN, 100), of_call::Quota);
    assert_eq!(refused(FOREIGN, 99), of_call::Later);
    assert_eq!(refused("ConcurrentPerOrgLongTxn Limit exceeded.", 100), of_call::Later);
}

#[test]
fn a_describe_is_told_that_there_is_no_such_sobject() {
    assert_eq!(call(Purpose::Describe, 404, JSON, "NOT_FOUND", ""), of_call::Refused);
    assert_eq!(call(Purpose::Describe, 403, JSON, "INSUFFICIENT_ACCESS", ""), of_call::Refused);
    assert_eq!(call(Purpose::Describe, 404, HTML, "", ""), of_call::Later);
    assert_eq!(call(Purpose::Describe, 403, JSON, "REQUEST_LIMIT_EXCEEDED", "TotalRequests"), of_call::Quota);
    assert_eq!(call(Purpose::Read, 404, JSON, "NOT_FOUND", ""), of_call::Later);
    assert_eq!(call(Purpose::Describe, 410, JSON, "UNSUPPORTED_API_VERSION", ""), of_call::Refused);
    assert_eq!(call(Purpose::Describe, 410, HTML, "", ""), of_call::Later);
}

/// An answer without Salesforce's JSON, and with the headers of Salesforce's edge.
#[test]
fn what_the_edge_refuses_was_not_applied() {
    for (status, expected) in [
        (420, of_call::Later),
        (500, of_call::Unknown),
        (502, of_call::Later),
        (503, of_call::Later),
        (504, of_call::Unknown),
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
