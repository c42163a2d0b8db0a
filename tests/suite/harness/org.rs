//! The org beside the daemon, and what a test puts there or looks at.

use std::collections::BTreeMap;

use sandbox::{Change, Org};
use serde_json::{Value, value::RawValue};

/// Puts records into an org as an ordinary client does, through its REST API.
pub(crate) struct Seeded<'a>(pub(crate) &'a Org);

impl Seeded<'_> {
    /// Creates one record and returns its id.
    pub(crate) async fn create(&self, sobject: &str, fields: &str) -> String {
        let url = format!("{}/services/data/v66.0/sobjects/{sobject}", self.0.url());
        let request = reqwest::Client::new().post(url).bearer_auth(self.token().await);
        let answer = request.header("content-type", "application/json").body(fields.to_owned()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 201, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn delete(&self, sobject: &str, id: &str) {
        let url = format!("{}/services/data/v66.0/sobjects/{sobject}/{id}", self.0.url());
        let answer = reqwest::Client::new().delete(url).bearer_auth(self.token().await).send().await.unwrap();
        assert_eq!(answer.status(), 204);
    }

    /// The describe of an object, as the org gives it.
    pub(crate) async fn describe(&self, sobject: &str) -> String {
        let url = format!("{}/services/data/v66.0/sobjects/{sobject}/describe", self.0.url());
        let answer = reqwest::Client::new().get(url).bearer_auth(self.token().await).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    }

    async fn token(&self) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", sandbox::CLIENT_ID),
            ("client_secret", sandbox::CLIENT_SECRET),
        ];
        let url = format!("{}/services/oauth2/token", self.0.url());
        let answer = reqwest::Client::new().post(url).form(&form).send().await.unwrap();
        let text = answer.text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["access_token"].as_str().unwrap().to_owned()
    }
}

/// What a record holds: field → JSON text as the org stores it, so that `1.50` is not `1.5`.
pub(crate) type Fields = BTreeMap<String, String>;

/// The record of this key, less what the org adds itself.
pub(crate) fn find(org: &Org, sobject: &str, field: &str, key: &str) -> Option<Fields> {
    let all = org.records(sobject).into_iter().map(|record| {
        let fields = record.fields.into_iter().filter(|(name, _)| name != "Serial__c");
        fields.map(|(name, value)| (name, serde_json::to_string(&value).unwrap())).collect::<Fields>()
    });
    all.into_iter().find(|fields| fields.get(field).is_some_and(|value| value == key))
}

/// The changes of one record, by the JSON text of its key, as `create`, `update` and `delete`.
pub(crate) fn changes(org: &Org, field: &str, key: &str) -> Vec<Change> {
    let of_key = |change: &Change| change.keys.get(field).is_some_and(|v| serde_json::to_string(v).unwrap() == key);
    org.journal().into_iter().filter(of_key).collect()
}

/// The fields of the last change of a record, as they were sent, less what says which record it is.
pub(crate) fn sent(org: &Org, field: &str, key: &str) -> Option<Fields> {
    let change = changes(org, field, key).pop()?;
    let sent: BTreeMap<String, Box<RawValue>> = serde_json::from_str(change.fields?.get()).unwrap();
    let sent = sent.into_iter().map(|(name, json)| (name, json.get().to_owned()));
    Some(sent.filter(|(name, _)| name != "attributes" && name != field).collect())
}

/// The built-in schema, less what bounds text and numbers.
pub(crate) fn wide_schema() -> String {
    schema(|_, field| {
        if ["LongText__c", "Text__c"].contains(&field["name"].as_str().unwrap()) {
            field["length"] = 0.into();
        }
        if field["precision"].is_number() && field["externalId"] != true {
            field["precision"] = 0.into();
        }
    })
}

/// The built-in schema, after `change` of each field of each object.
pub(crate) fn schema(change: impl Fn(&str, &mut Value)) -> String {
    let files = ["account", "contact", "my_object"];
    let objects = files.into_iter().flat_map(|file| {
        let path = format!("{}/sandbox/src/schema/built_in/{file}.json", env!("CARGO_MANIFEST_DIR"));
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let objects = schema["sobjects"].as_array().cloned().unwrap_or_else(|| vec![schema]);
        let change = &change;
        objects.into_iter().map(move |mut object| {
            let name = object["name"].as_str().unwrap().to_owned();
            object["fields"].as_array_mut().unwrap().iter_mut().for_each(|field| change(&name, field));
            object
        })
    });
    Value::Array(objects.collect()).to_string()
}
