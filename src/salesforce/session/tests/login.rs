use super::*;
use crate::config::{Auth, Secret};

fn config(login_url: &str) -> config::Salesforce {
    crate::salesforce::testing::config(
        login_url,
        Auth::ClientCredentials { client_id: Secret::literal("id"), client_secret: Secret::literal("hunter2") },
    )
}

fn answered(status: u16, body: &str) -> Login {
    let answer = Answer::plain(StatusCode::from_u16(status).unwrap(), body.to_owned().into());
    read(&answer, &config("https://crm.my.salesforce.com"))
}

fn oauth(error: &str, description: &str) -> String {
    serde_json::json!({"error": error, "error_description": description}).to_string()
}

#[test]
fn login_errors_for_an_operator_are_told_from_temporary_ones() {
    for (status, body, later) in [
        (400, oauth("invalid_grant", "authentication failure"), false),
        (400, oauth("invalid_client_id", "client identifier invalid"), false),
        (401, oauth("invalid_client", "invalid client credentials"), false),
        (400, oauth("inactive_user", ""), false),
        (404, "<html>".to_owned(), false),
        (302, String::new(), true),
        (200, "<html>".to_owned(), false),
        (400, oauth("invalid_grant", "login rate exceeded"), true),
        (400, oauth("rate_limit_exceeded", "x"), true),
        (429, String::new(), true),
        (420, "<html>".to_owned(), true),
        (400, oauth("unknown_error", "retry your request"), true),
        (400, oauth("unknown_error", ""), true),
        (400, oauth("server_error", ""), true),
        (400, oauth("temporarily_unavailable", ""), true),
        (500, oauth("server_error", ""), true),
        (503, "<html>".to_owned(), true),
    ] {
        let login = answered(status, &body);
        assert_eq!(matches!(login, Login::Later(_)), later, "{status} {body}: {login:?}");
        assert_eq!(matches!(login, Login::Refused(_)), !later, "{status} {body}: {login:?}");
    }
}

#[test]
fn a_refused_login_says_what_to_do() {
    let Login::Refused(cause) = answered(400, &oauth("invalid_grant", "request not supported on this domain")) else {
        panic!()
    };
    assert_eq!(
        cause.to_string(),
        "invalid_grant: request not supported on this domain (set salesforce.login_url to the org's My Domain host)"
    );
}

#[test]
fn the_token_is_never_shown() {
    let body = r#"{"access_token":"00D!hunter2","instance_url":"https://crm.my.salesforce.com"}"#;
    let login = answered(200, body);
    assert!(matches!(login, Login::Token { .. }));
    assert!(!format!("{login:?}").contains("hunter2"));
    let broken = answered(200, r#"{"access_token":"00D!hunter2","instance_url":7}"#);
    assert!(!format!("{broken:?}").contains("hunter2"));
}

#[test]
fn data_goes_only_to_a_host_that_can_be_trusted() {
    for (login, instance_url, trusted) in [
        ("https://crm.my.salesforce.com", "https://crm.my.salesforce.com", true),
        ("https://login.salesforce.com", "https://na1.salesforce.com", true),
        ("https://login.salesforce.com", "https://crm.my.site.force.com", true),
        ("https://login.salesforce.com", "https://crm.cloudforce.com", true),
        ("https://login.salesforce.com", "https://crm.my.crmforce.mil", true),
        ("https://sf.example.com", "https://sf.example.com", true),
        ("https://sf.example.com", "https://sf.example.com:8443", true),
        ("https://sf.example.com", "https://eu.sf.example.com", false),
        ("https://sf.example.com", "https://example.com", false),
        ("https://org.co.uk", "https://evil.co.uk", false),
        ("https://crm.my.org.co.uk", "https://co.uk", false),
        ("https://sf.example.com", "https://other.com", false),
        ("https://sf.example.com", "https://evilsf.example.com", false),
        ("https://sf.example.com", "https://com", false),
        ("https://crm.my.salesforce.com", "https://evilsalesforce.com", false),
        ("https://crm.my.salesforce.com", "https://salesforce.com.evil.com", false),
        ("https://crm.my.salesforce.com", "https://10.0.0.1", false),
        ("https://crm.my.salesforce.com", "http://127.0.0.1:8080", false),
        ("https://crm.my.salesforce.com", "https://localhost", false),
        ("https://10.0.0.1", "https://10.0.0.1", true),
        ("https://crm.my.salesforce.com", "http://crm.my.salesforce.com", false),
        ("https://crm.my.salesforce.com", "ftp://crm.my.salesforce.com", false),
        ("https://crm.my.salesforce.com", "crm.my.salesforce.com", false),
        ("https://crm.my.salesforce.com", "data:text/plain,x", false),
        ("http://127.0.0.1:1", "http://127.0.0.1:2", true),
        ("http://127.0.0.1:1", "http://localhost:2", true),
        ("http://127.0.0.1:1", "http://[::1]:2", true),
    ] {
        assert_eq!(instance(instance_url, &config(login)).is_ok(), trusted, "{login} → {instance_url}");
    }
    let insecure = config::Salesforce { allow_insecure: true, ..config("http://sf.example.com") };
    assert!(instance("http://sf.example.com", &insecure).is_ok());
}

#[test]
fn hosts_named_in_the_configuration_are_trusted() {
    let hosts = ["Data.example.com", ".sf.example.org"].map(str::to_owned).to_vec();
    let config = config::Salesforce { instance_hosts: hosts, ..config("https://login.salesforce.com") };
    for (instance_url, trusted) in [
        ("https://data.example.com", true),
        ("https://eu.data.example.com", false),
        ("https://eu.sf.example.org", true),
        ("https://sf.example.org", false),
        ("https://evilsf.example.org", false),
        ("http://data.example.com", false),
    ] {
        assert_eq!(instance(instance_url, &config).is_ok(), trusted, "{instance_url}");
    }
    let refused = instance("https://other.com", &config).unwrap_err();
    assert!(refused.contains("salesforce.instance_hosts"), "{refused}");
}
