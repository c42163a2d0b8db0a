//! Tests of the fields of a row: coerced values, parents, and fields that the route adds.

use super::*;

/// Returns the only field of the row, or the rejection's message.
fn one_field(more: &str, value: &str) -> Result<(String, String), String> {
    let mut record = record(Some("k"), Some(value), &[]);
    record.timestamp = Some(Timestamp::Create(1_709_164_800_123));
    record.position.offset = 7;
    let command = command(&route(&format!("{EXTERNAL}{more}")), &record).map_err(|r| r.cause.message)?;
    let fields = fields(&command);
    assert_eq!(fields.len(), 1, "{fields:?}");
    Ok((fields[0].0.to_owned(), fields[0].1.to_owned()))
}

#[test]
fn a_value_is_coerced_to_the_type_of_its_field() {
    for (value, expected) in [
        (r#"{"Name":5}"#, Ok(("Name", r#""5""#))),
        (r#"{"Name":-1.50}"#, Ok(("Name", r#""-1.50""#))),
        (r#"{"Name":true}"#, Ok(("Name", r#""true""#))),
        (r#"{"Age__c":"1.50"}"#, Ok(("Age__c", r#""1.50""#))),
        (r#"{"At__c":0}"#, Ok(("At__c", r#""1970-01-01T00:00:00.000Z""#))),
        (r#"{"At__c":-1}"#, Ok(("At__c", r#""1969-12-31T23:59:59.999Z""#))),
        (
            r#"{"At__c":1.5}"#,
            Err("the field At__c: a number with a fraction does not fit into a field of the type datetime"),
        ),
        (r#"{"At__c":99999999999999999}"#, Err("the field At__c: an instant outside of the years 1 to 9999")),
        (r#"{"Day__c":19782}"#, Err("the field Day__c: a number does not fit into a field of the type date")),
        (r#"{"Time__c":0}"#, Err("the field Time__c: a number does not fit into a field of the type time")),
        (r#"{"Age__c":true}"#, Err("the field Age__c: a boolean does not fit into a field of the type double")),
        (r#"{"Active__c":1}"#, Err("the field Active__c: a number does not fit into a field of the type boolean")),
        (r#"{"Choices__c":["A","\u0042 c"]}"#, Ok(("Choices__c", r#""A;B c""#))),
        (r#"{"Choices__c":[]}"#, Ok(("Choices__c", "null"))),
        (
            r#"{"Choices__c":["A;B"]}"#,
            Err("the field Choices__c: a choice of a picklist cannot hold a semicolon: \"A;B\""),
        ),
        (r#"{"Choices__c":[null,"A",null]}"#, Ok(("Choices__c", r#""A""#))),
        (r#"{"Choices__c":[null]}"#, Ok(("Choices__c", "null"))),
        (
            r#"{"Choices__c":["A",1]}"#,
            Err("the field Choices__c: a choice of a picklist is a text, and one is a number"),
        ),
        (r#"{"Active__c":null}"#, Ok(("Active__c", "false"))),
        (r#"{"Active__c":" TRUE"}"#, Ok(("Active__c", "true"))),
        (
            r#"{"Active__c":"yes"}"#,
            Err("the field Active__c: the text \"yes\" does not fit into a field of the type boolean"),
        ),
        (r#"{"Count__c":"7.00"}"#, Ok(("Count__c", "7"))),
        (
            r#"{"Count__c":"7.5"}"#,
            Err("the field Count__c: the text \"7.5\" does not fit into a field of the type int"),
        ),
        (r#"{"Age__c":"1,5"}"#, Err("the field Age__c: the text \"1,5\" does not fit into a field of the type double")),
        (r#"{"Day__c":"2024-02-\u00329"}"#, Ok(("Day__c", r#""2024-02-\u00329""#))),
        (
            r#"{"Day__c":"29.02.2024"}"#,
            Err("the field Day__c: the text \"29.02.2024\" does not fit into a field of the type date"),
        ),
        (
            r#"{"Day__c":""}"#,
            Err(
                "the field Day__c: an empty text does not fit into a field of the type date; the route's empty = \"null\" would clear it",
            ),
        ),
        (r#"{"At__c":"2013-08-12T15:20:00+0000"}"#, Ok(("At__c", r#""2013-08-12T15:20:00+0000""#))),
        (
            r#"{"At__c":"2024-02-29 07:00:00"}"#,
            Err("the field At__c: the text \"2024-02-29 07:00:00\" does not fit into a field of the type datetime"),
        ),
        (r#"{"Time__c":"14:45"}"#, Ok(("Time__c", r#""14:45""#))),
        (
            r#"{"Time__c":"noon"}"#,
            Err("the field Time__c: the text \"noon\" does not fit into a field of the type time"),
        ),
        (r#"{"Name":""}"#, Ok(("Name", r#""""#))),
        (r#"{"Name":["A"]}"#, Err("the field Name: an array does not fit into a field of the type string")),
    ] {
        let expected = expected.map(|(name, json): (&str, &str)| (name.to_owned(), json.to_owned()));
        assert_eq!(one_field("", value), expected.map_err(str::to_owned), "{value}");
    }
    let off = one_field("fields.multipicklist = false", r#"{"Choices__c":["A"]}"#).unwrap_err();
    assert!(off.contains("an array does not fit"), "{off}");
}

#[test]
fn an_empty_text_is_null_with_empty_null() {
    let null = "empty = \"null\"";
    for (value, expected) in [
        (r#"{"Name":""}"#, ("Name", "null")),
        (r#"{"Day__c":""}"#, ("Day__c", "null")),
        (r#"{"Age__c":""}"#, ("Age__c", "null")),
        (r#"{"Active__c":""}"#, ("Active__c", "false")),
        (r#"{"ParentId":""}"#, ("ParentId", "null")),
        (r#"{"Parent":{"Ext__c":""}}"#, ("ParentId", "null")),
        (r#"{"Name":" "}"#, ("Name", r#"" ""#)),
    ] {
        assert_eq!(one_field(null, value), Ok((expected.0.to_owned(), expected.1.to_owned())), "{value}");
    }
    let ignored = "empty = \"null\"\nnulls = \"ignore\"";
    let value = r#"{"Day__c":"","Active__c":null,"Name":"n"}"#;
    assert_eq!(one_field(ignored, value), Ok(("Name".to_owned(), "\"n\"".to_owned())));
}

#[test]
fn a_rejection_names_all_wrong_fields() {
    let value = r#"{"Day__c":"x","Name":"n","Stray__c":1,"Id Name":2,"Parent":{"Other__c":3},"Active__c":7}"#;
    let rejection = command(&route(EXTERNAL), &record(Some("k"), Some(value), &[])).unwrap_err();
    assert_eq!(rejection.reason, Reason::InvalidField);
    assert_eq!(rejection.cause.fields, ["Day__c", "Stray__c", "Id Name", "Other__c", "Active__c"]);
    for words in
        ["the text \"x\"", "Account has no field Stray__c", "\"Id Name\" is not", "no field Other__c", "a number"]
    {
        assert!(rejection.cause.message.contains(words), "{words} in {}", rejection.cause.message);
    }
}

#[test]
fn a_text_with_a_logical_type_is_coerced_to_the_type_of_its_field() {
    const FORMAT: &str = "value.format = \"json_with_schema\"\n";
    const ZONED: &str = "io.debezium.time.ZonedTimestamp";
    const SET: &str = "io.debezium.data.EnumSet";
    let enveloped = |field: &str, name: &str, text: &str| {
        let schema = format!(r#"{{"type":"string","optional":true,"name":"{name}","field":"{field}"}}"#);
        format!(r#"{{"schema":{{"type":"struct","fields":[{schema}]}},"payload":{{"{field}":"{text}"}}}}"#)
    };
    for (field, name, text, expected) in [
        ("At__c", ZONED, "2024-03-01T00:30:00.123456+01:00", Ok(r#""2024-02-29T23:30:00.123Z""#)),
        ("Day__c", ZONED, "2024-03-01T00:30:00.123456+01:00", Ok(r#""2024-02-29""#)),
        ("Name", ZONED, "2024-03-01T00:30:00Z", Ok(r#""2024-03-01T00:30:00.000Z""#)),
        ("Age__c", ZONED, "2024-03-01T00:30:00Z", Err("an instant does not fit into a field of the type double")),
        ("Time__c", "io.debezium.time.ZonedTime", "10:15:30Z", Ok(r#""10:15:30.000Z""#)),
        ("Day__c", "io.debezium.time.IsoDate", "2024-02-29Z", Ok(r#""2024-02-29""#)),
        ("At__c", "io.debezium.time.IsoDate", "2024-02-29Z", Ok(r#""2024-02-29T00:00:00.000Z""#)),
        ("Choices__c", SET, "a,b c", Ok(r#""a;b c""#)),
        ("Choices__c", SET, "", Ok("null")),
        ("Choices__c", SET, "a;b", Err("a choice of a picklist cannot hold a semicolon: \"a;b\"")),
        ("Name", SET, "a,b", Ok(r#""a,b""#)),
    ] {
        let expected = expected.map(|json| (field.to_owned(), json.to_owned()));
        let expected = expected.map_err(|words| format!("the field {field}: {words}"));
        assert_eq!(one_field(FORMAT, &enveloped(field, name, text)), expected, "{field} {text}");
    }
    let off = format!("{FORMAT}fields.multipicklist = false");
    assert_eq!(one_field(&off, &enveloped("Choices__c", SET, "a,b")).unwrap().1, r#""a,b""#);
}

#[test]
fn a_parent_is_named_by_its_external_id() {
    for (value, expected) in [
        (r#"{"Parent":{"Ext__c":"A-\u0037"}}"#, Ok(("Parent", r#"{"Ext__c":"A-7"}"#))),
        (r#"{"parent":{"EXT__C":7}}"#, Ok(("Parent", r#"{"Ext__c":"7"}"#))),
        (r#"{"Parent":{"attributes":{"type":"account"},"Number__c":"7.50"}}"#, Ok(("Parent", r#"{"Number__c":7.5}"#))),
        (
            r#"{"Owner__r":{"attributes":{"type":"Account"},"Ext__c":"7"}}"#,
            Ok(("Owner__r", r#"{"attributes":{"type":"Account"},"Ext__c":"7"}"#)),
        ),
        (r#"{"Parent":null}"#, Ok(("ParentId", "null"))),
        (r#"{"Parent":{"Ext__c":null}}"#, Ok(("ParentId", "null"))),
        (r#"{"Parent":{"Ext__c":" "}}"#, Ok(("ParentId", "null"))),
        (r#"{"ParentId":null,"Parent":{"Ext__c":""}}"#, Ok(("ParentId", "null"))),
        (r#"{"Parent":null,"ParentId":null}"#, Ok(("ParentId", "null"))),
        (r#"{"ParentId":null,"Parent":{"Ext__c":"7"}}"#, Err("the field ParentId occurs twice")),
        (
            r#"{"Parent":{"Number__c":"x"}}"#,
            Err("the field Parent.Number__c: Number__c is a number field and the identity is not a number"),
        ),
        (
            r#"{"Parent":{"Name":"n"}}"#,
            Err("the field Parent.Name: Account.Name is neither an external id nor an id lookup field"),
        ),
        (r#"{"Parent":{"Stray__c":"n"}}"#, Err("Account has no field Stray__c")),
        (r#"{"Parent":{"Ext__c":{"a":1}}}"#, Err("the field Parent.Ext__c is an object, and names no parent")),
        (
            r#"{"Parent":{"Ext__c":"a","Name":"n"}}"#,
            Err("the field Parent has 2 members, and a parent is named by one: its external id"),
        ),
        (r#"{"Parent":{}}"#, Err("the field Parent has 0 members, and a parent is named by one: its external id")),
        (
            r#"{"Parent":"a"}"#,
            Err("Parent is the parent that ParentId refers to, and takes an object with its external id"),
        ),
        (
            r#"{"Owner__r":{"Ext__c":"7"}}"#,
            Err("the field Owner__r: Group:Owner__r.Ext__c, or attributes.type, has to name one of Group, Account"),
        ),
        // As the Bulk API writes it.
        (
            r#"{"account:Owner__r":{"Ext__c":"7"}}"#,
            Ok(("Owner__r", r#"{"attributes":{"type":"Account"},"Ext__c":"7"}"#)),
        ),
        (r#"{"Account:Owner__r.Ext__c":"7"}"#, Ok(("Owner__r", r#"{"attributes":{"type":"Account"},"Ext__c":"7"}"#))),
        (r#"{"Account:Owner__r":null}"#, Ok(("Owner__c", "null"))),
        (r#"{"Account:Parent.Ext__c":"7"}"#, Ok(("Parent", r#"{"Ext__c":"7"}"#))),
        (
            r#"{"Lead:Owner__r.Ext__c":"7"}"#,
            Err("the field Owner__r: Group:Owner__r.Ext__c, or attributes.type, has to name one of Group, Account"),
        ),
        (
            r#"{"Account:Owner__r":{"attributes":{"type":"Group"},"Ext__c":"7"}}"#,
            Err("the field Owner__r: its name says Account, its attributes Group"),
        ),
        (r#"{"Account:Name":"n"}"#, Err("Account has no field Name")),
        (
            r#"{"a b:Owner__r.Ext__c":"n"}"#,
            Err("the field Owner__r: Group:Owner__r.Ext__c, or attributes.type, has to name one of Group, Account"),
        ),
        (
            r#"{"Owner__r":{"attributes":{"type":"Group"},"Ext__c":"7"}}"#,
            Err("the org does not describe Group to this user"),
        ),
        (
            r#"{"ParentId":{"Ext__c":"7"}}"#,
            Err(
                "the field ParentId: an object does not fit into a field of the type reference; its parent is named Parent",
            ),
        ),
        (r#"{"ParentId":"0017Q00000EZlby","Parent":{"Ext__c":"7"}}"#, Err("the field ParentId occurs twice")),
        (r#"{"Street":{"Name":"n"}}"#, Err("Account has no field Street")),
    ] {
        let expected = expected.map(|(name, json): (&str, &str)| (name.to_owned(), json.to_owned()));
        assert_eq!(one_field("", value), expected.map_err(str::to_owned), "{value}");
    }
}

#[test]
fn a_route_renames_and_adds_fields() {
    for (more, value, expected) in [
        ("fields.rename = { full-name = \"Name\" }", r#"{"Full-Name":"n"}"#, Ok(("Name", r#""n""#))),
        ("fields.rename = { code = \"Parent.Ext__c\" }", r#"{"code":"A"}"#, Ok(("Parent", r#"{"Ext__c":"A"}"#))),
        ("fields.rename = { code = \"Parent.Ext__c\" }", r#"{"code":null}"#, Ok(("ParentId", "null"))),
        (
            "fields.rename = { owner = \"Account:Owner__r.Ext__c\" }",
            r#"{"owner":"7"}"#,
            Ok(("Owner__r", r#"{"attributes":{"type":"Account"},"Ext__c":"7"}"#)),
        ),
        (
            "fields.constant = { \"Account:Owner__r.Ext__c\" = \"7\" }",
            r#"{"Owner__c":"0017Q00000EZlby"}"#,
            Ok(("Owner__r", r#"{"attributes":{"type":"Account"},"Ext__c":"7"}"#)),
        ),
        ("fields.rename = { code = \"Parent.Ext__c\" }", r#"{"code":"","ParentId":null}"#, Ok(("ParentId", "null"))),
        (
            "nulls = \"ignore\"\nfields.rename = { code = \"Parent.Ext__c\" }",
            r#"{"code":"","Parent":{"Ext__c":null},"Name":"n"}"#,
            Ok(("Name", r#""n""#)),
        ),
        ("fields.absent = [\"__gone\"]", r#"{"Name":"\u005f_gone","Day__c":"__gone","Age__c":1}"#, Ok(("Age__c", "1"))),
        ("fields.absent = [\"__gone\"]", r#"{"Choices__c":["__gone"],"Name":"__gone "}"#, Ok(("Name", r#""__gone ""#))),
        ("fields.absent = [\"a\", \"b\"]", r#"{"Choices__c":["a","c"]}"#, Ok(("Choices__c", r#""a;c""#))),
        ("fields.absent = [\"a\"]", r#"{"Choices__c":[ ]}"#, Ok(("Choices__c", "null"))),
        (
            "fields.absent = [\"a\"]\nfields.rename = { code = \"Parent.Ext__c\" }",
            r#"{"code":"a","Age__c":1}"#,
            Ok(("Age__c", "1")),
        ),
        ("fields.rename = { a = \"Name\" }", r#"{"a":"n","Name":"m"}"#, Err("the field Name occurs twice")),
        (
            "fields.rename = { a = \"Id\" }",
            r#"{"a":"0017Q00000EZlby"}"#,
            Err("the value's field Id names another record: the target is Ext__c=k"),
        ),
        (
            "fields.rename = { a = \"Ext__c\" }",
            r#"{"a":"other"}"#,
            Err("the value's field Ext__c names another record: the target is Ext__c=k"),
        ),
        ("fields.rename = { attributes = \"Name\" }", r#"{"attributes":"n"}"#, Ok(("Name", r#""n""#))),
        ("fields.constant = { Name = \"n\\\"\" }", "{}", Ok(("Name", r#""n\"""#))),
        ("fields.constant = { Name = \"n\" }", r#"{"name":"m"}"#, Ok(("Name", r#""n""#))),
        ("fields.constant = { Age__c = -7 }", "{}", Ok(("Age__c", "-7"))),
        ("fields.constant = { Active__c = true }", "{}", Ok(("Active__c", "true"))),
        ("fields.constant = { \"Parent.Ext__c\" = \"A\" }", "{}", Ok(("Parent", r#"{"Ext__c":"A"}"#))),
        (
            "fields.constant = { \"Parent.Ext__c\" = \"A\" }",
            r#"{"ParentId":"0017Q00000EZlby","Parent":{"Ext__c":"B"}}"#,
            Ok(("Parent", r#"{"Ext__c":"A"}"#)),
        ),
        ("fields.topic = \"Name\"", r#"{"Name":"m"}"#, Ok(("Name", r#""t""#))),
        ("fields.partition = \"Age__c\"", "{}", Ok(("Age__c", "0"))),
        ("fields.offset = \"Name\"", "{}", Ok(("Name", r#""7""#))),
        ("fields.timestamp = \"At__c\"", "{}", Ok(("At__c", r#""2024-02-29T00:00:00.123Z""#))),
        ("fields.timestamp = \"Day__c\"", "{}", Ok(("Day__c", r#""2024-02-29""#))),
        ("fields.timestamp = \"Age__c\"", "{}", Ok(("Age__c", "1709164800123"))),
        ("fields.include = [\"a\"]\nfields.rename = { a = \"Name\" }", r#"{"a":"n","b":1}"#, Ok(("Name", r#""n""#))),
    ] {
        let expected = expected.map(|(name, json): (&str, &str)| (name.to_owned(), json.to_owned()));
        assert_eq!(one_field(more, value), expected.map_err(str::to_owned), "{more} {value}");
    }
}

#[test]
fn lock_parent_names_the_parent_that_a_row_locks() {
    let parent = |more: &str, value: &str| {
        let command = command(&route(&format!("{EXTERNAL}{more}")), &record(Some("k"), Some(value), &[])).unwrap();
        command.parent
    };
    let by_id = parent("lock_parent = \"parentid\"", r#"{"ParentId":"0017Q00000EZlby"}"#);
    assert!(by_id.is_some());
    for more in ["lock_parent = \"ParentId\"", "lock_parent = \"Parent.Ext__c\"", "lock_parent = \"Parent\""] {
        assert_eq!(parent(more, r#"{"ParentId":"0017Q00000EZlbyQAD"}"#), by_id, "{more}");
    }
    assert_eq!(parent("lock_parent = \"Owner__c\"", r#"{"Owner__c":"0017Q00000EZlby"}"#), by_id, "from another field");

    let lock = "lock_parent = \"Parent.Ext__c\"\nfields.rename = { code = \"Parent.Ext__c\" }";
    let by_key = parent(lock, r#"{"Parent":{"Ext__c":"A-7"}}"#);
    assert!(by_key.is_some() && by_key != by_id);
    assert_eq!(parent(lock, r#"{"code":" a-7"}"#), by_key);
    assert_ne!(parent(lock, r#"{"code":"A-8"}"#), by_key);
    let other = r#"{"Owner__r":{"attributes":{"type":"Account"},"Ext__c":"A-7"}}"#;
    for lock in ["Owner__r.Ext__c", "Account:Owner__r.Ext__c"] {
        assert_eq!(parent(&format!("lock_parent = \"{lock}\""), other), by_key, "{lock}");
    }

    for (more, value) in [
        ("", r#"{"ParentId":"0017Q00000EZlby"}"#),
        ("lock_parent = \"ParentId\"", r#"{"Owner__c":"0017Q00000EZlby"}"#),
        ("lock_parent = \"ParentId\"", r#"{"ParentId":null}"#),
        ("lock_parent = \"ParentId\"", r#"{"Parent":null}"#),
        ("lock_parent = \"ParentId\"", r#"{"ParentId":"no id"}"#),
        ("lock_parent = \"Street\"", r#"{"ParentId":"0017Q00000EZlby"}"#),
    ] {
        assert_eq!(parent(more, value), None, "{more} {value}");
    }
}
