//! A plain HTTP client with a session, written for these tests only.

use reqwest::{Method, Response, StatusCode};
use sandbox::{Server, ServerOptions, Settings};
use serde_json::{Value, json};

pub(crate) struct Client {
    pub(crate) org: Server,
    pub(crate) http: reqwest::Client,
    pub(crate) token: String,
}

/// Status and body of an answer.
pub(crate) type Answered = (u16, String);

impl Client {
    pub(crate) async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        Self::on(Server::start(ServerOptions { settings, ..ServerOptions::default() }).await.unwrap()).await
    }

    pub(crate) async fn on(org: Server) -> Self {
        let mut client = Self { org, http: reqwest::Client::new(), token: String::new() };
        client.login().await;
        client
    }

    pub(crate) async fn login(&mut self) {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", sandbox::CLIENT_ID),
            ("client_secret", sandbox::CLIENT_SECRET),
        ];
        let url = format!("{}/services/oauth2/token", self.org.url());
        let answer: Value = self.http.post(url).form(&form).send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap().clone_into(&mut self.token);
    }

    /// `path` is relative to the version's address, or absolute.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&str>) -> reqwest::Result<Response> {
        let base = if path.starts_with('/') { "" } else { "/services/data/v66.0/" };
        let mut request = self.http.request(method, format!("{}{base}{path}", self.org.url())).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        request.send().await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: impl Into<Option<Value>>) -> Answered {
        let body = body.into().map(|body| body.to_string());
        let response = self.send(method.parse().unwrap(), path, body.as_deref()).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    pub(crate) async fn raw(&self, method: &str, path: &str, body: &str) -> Answered {
        let response = self.send(method.parse().unwrap(), path, Some(body)).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// An upsert of rows of `MyObject__c`, without `allOrNone`.
    pub(crate) async fn upsert(&self, key: &str, rows: &[Value]) -> Vec<Value> {
        let path = format!("composite/sobjects/MyObject__c/{key}");
        let (status, body) = self.call("PATCH", &path, collection(false, "MyObject__c", rows)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    pub(crate) async fn query(&self, soql: &str) -> Answered {
        let query: String = soql.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
        self.call("GET", &format!("query?q={query}"), None).await
    }

    /// Adds one fault or several.
    pub(crate) fn script(&self, faults: Value) {
        self.org.script(faults).unwrap();
    }
}

pub(crate) fn collection(all_or_none: bool, sobject: &str, rows: &[Value]) -> Value {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let mut row = row.clone();
            row["attributes"] = json!({"type": sobject});
            row
        })
        .collect();
    json!({"allOrNone": all_or_none, "records": rows})
}

/// The `statusCode` of a failed row, or `ok`.
pub(crate) fn codes(results: &[Value]) -> Vec<String> {
    results
        .iter()
        .map(|row| {
            if row["success"] == true { "ok" } else { row["errors"][0]["statusCode"].as_str().unwrap() }.to_owned()
        })
        .collect()
}
