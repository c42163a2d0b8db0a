//! Generates the configuration's JSON Schema (2020-12), for editors and CI.

use serde_json::{Map, Value, json};

use super::{
    Config, check,
    effective::to_toml,
    schema::{Key, Kind, ROOT},
};

/// Returns the JSON Schema of a configuration file. It has every key. It has no rule between two keys: `sobjectd check`
/// checks those.
pub fn json_schema() -> Value {
    let mut schema = table(ROOT, Some(&defaults()), true);
    let head = [
        ("$schema", json!("https://json-schema.org/draft/2020-12/schema")),
        ("title", json!("Configuration of sobjectd")),
        (
            "description",
            json!(
                "A key that the environment may set is not required here; `sobjectd check` reports it if it is missing."
            ),
        ),
    ];
    schema.extend(head.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(schema)
}

/// Returns the default of every key that has one, in the shape of a file.
pub(super) fn defaults() -> toml::Table {
    let toml::Value::Table(mut least) = check::placeholder(&Kind::Table(ROOT)) else { return toml::Table::new() };
    // A route has defaults as well.
    least.insert("routes".to_owned(), toml::Value::Array(vec![check::placeholder(&route_kind())]));
    let mut values = least.try_into::<Config>().map(|config| to_toml(&config)).unwrap_or_default();
    without_required(&mut values, ROOT);
    values
}

fn route_kind() -> Kind {
    match ROOT.iter().find(|key| key.name == "routes").map(|key| key.kind) {
        Some(Kind::List(kind)) => *kind,
        _ => Kind::Table(&[]),
    }
}

/// Removes the placeholders of required keys.
fn without_required(values: &mut toml::Table, keys: &[Key]) {
    for key in keys {
        match (key.kind, values.get_mut(key.name)) {
            (Kind::Table(keys), Some(toml::Value::Table(values))) => without_required(values, keys),
            (Kind::List(Kind::Table(keys)), Some(toml::Value::Array(items))) => {
                items.iter_mut().filter_map(toml::Value::as_table_mut).for_each(|item| without_required(item, keys));
            }
            (_, Some(_)) if key.required => drop(values.remove(key.name)),
            _ => {}
        }
    }
}

/// Returns the schema of a table. With `whole` the environment cannot set any of these keys, so that the file must have
/// those that are required.
fn table(keys: &[Key], defaults: Option<&toml::Table>, whole: bool) -> Map<String, Value> {
    let mut properties = Map::new();
    for key in keys {
        let default = defaults.and_then(|defaults| defaults.get(key.name));
        let mut schema = value(&key.kind, default, false);
        schema.insert("description".to_owned(), json!(key.meaning));
        let keys_have_defaults = matches!(key.kind, Kind::Table(_) | Kind::List(Kind::Table(_)));
        if let Some(default) = default.filter(|_| !keys_have_defaults) {
            schema.insert("default".to_owned(), json!(default));
        }
        properties.insert(key.name.to_owned(), Value::Object(schema));
    }
    let required: Vec<_> = keys.iter().filter(|key| whole && key.required).map(|key| key.name).collect();
    object(json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false }))
}

fn value(kind: &Kind, default: Option<&toml::Value>, whole: bool) -> Map<String, Value> {
    const DURATION: &str = "^ *[0-9]+ *[a-zA-Zµ]+( *[0-9]+ *[a-zA-Zµ]+)* *$";
    const SIZE: &str = "^ *[0-9.]+ *[a-zA-Z]* *$";
    object(match kind {
        Kind::Text => json!({ "type": "string", "minLength": 1 }),
        Kind::OptionalText => json!({ "type": "string" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Duration => json!({ "type": "string", "pattern": DURATION }),
        Kind::Size => json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": SIZE }] }),
        Kind::OneOf(words) => json!({ "enum": words }),
        Kind::Url => json!({ "type": "string", "format": "uri" }),
        Kind::ProxyUrl => text_such_as("http://proxy:3128"),
        Kind::Urls => text_such_as("https://registry:8081"),
        Kind::Constant => json!({ "type": ["string", "integer", "boolean"] }),
        Kind::Address => text_such_as("127.0.0.1:8089"),
        Kind::Identity => json!({ "type": "string", "pattern": "^(key|value\\..+|header\\..+)$" }),
        Kind::LogFilter => text_such_as("info,sobjectd::salesforce=debug"),
        Kind::Secret => secret(&json!("string")),
        Kind::Property => secret(&json!(["string", "integer", "boolean"])),
        Kind::TextOrTexts => {
            let text = json!({ "type": "string", "minLength": 1 });
            json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": text }] })
        }
        Kind::List(item) => {
            let first = default.and_then(|default| default.as_array()?.first());
            json!({ "type": "array", "items": value(item, first, true) })
        }
        Kind::Map(kind) => json!({ "type": "object", "additionalProperties": value(kind, None, false) }),
        Kind::Table(keys) => return table(keys, default.and_then(toml::Value::as_table), whole),
        Kind::Tagged { tag, variants } => {
            let variants = variants.iter().map(|(word, keys)| {
                let mut variant = table(keys, None, false);
                if let Some(Value::Object(properties)) = variant.get_mut("properties") {
                    properties.insert((*tag).to_owned(), json!({ "const": word }));
                }
                if let Some(Value::Array(required)) = variant.get_mut("required") {
                    required.insert(0, json!(tag));
                }
                Value::Object(variant)
            });
            json!({ "oneOf": variants.collect::<Vec<_>>() })
        }
    })
}

fn text_such_as(example: &str) -> Value {
    json!({ "type": "string", "examples": [example] })
}

/// Returns the schema of a secret: a literal of one of these types, or a reference to a variable or a file.
fn secret(literal_types: &Value) -> Value {
    json!({ "anyOf": [{ "type": literal_types }, secret_reference("env"), secret_reference("file")] })
}

fn secret_reference(name: &str) -> Value {
    let properties = json!({ name: { "type": "string", "minLength": 1 } });
    json!({ "type": "object", "properties": properties, "required": [name], "additionalProperties": false })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
