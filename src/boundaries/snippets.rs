//! Snippets that the rules of the layout must refuse, and some that they must allow.

use super::{breaches, graph::Graph, source::SourceFile};

/// Snippets that are breaches: a file below `src`, and its content.
const REFUSED: &[(&str, &str)] = &[
    ("record/x.rs", "use crate::config::Config;"),
    ("record/x.rs", "fn f() { crate::sink::x() }"),
    ("record/x.rs", "use tokio::time::Instant;"),
    ("mutation.rs", "use crate::config;"),
    ("runtime/x.rs", "use crate::ops::metrics::Metrics;"),
    ("runtime/x.rs", "use crate::{config::Tls, record::Cause};"),
    ("config/x.rs", "use crate::kafka::Clients;"),
    ("dead_letter/x.rs", "use crate::config::TooLarge;"),
    ("dead_letter/x.rs", "use futures::Stream;"),
    ("format/x.rs", "use crate::runtime::stop::Stop;"),
    ("format/json.rs", "fn f() { tokio::spawn(async {}); }"),
    ("format/registry/x.rs", "use crate::sink::route::Routes;"),
    ("ops/x.rs", "use crate::salesforce::Condition;"),
    ("ops/x.rs", "use crate::sink;"),
    ("kafka/consumer/x.rs", "use crate::{config::Start, ops::{health::Health, metrics::Metrics}};"),
    ("kafka/consumer/x.rs", "use super::super::super::salesforce::Salesforce;"),
    ("kafka/x.rs", "pub use crate::sink::dead_letters::DeadLetters;"),
    ("kafka/x.rs", "pub(crate) use crate::{record::Record, sink::{self, lane::Lane as SinkLane}};"),
    ("kafka/x.rs", "use crate::dead_letter::Rejected;"),
    ("kafka/x.rs", "use crate::*;"),
    ("kafka/x.rs", "use crate as c;"),
    ("kafka/x.rs", "use crate::ops::*;"),
    ("kafka/x.rs", r#"#[cfg(feature = "dev")] use crate::ops::health;"#),
    ("kafka/x.rs", "#[cfg(test)] use crate::record::Cause; use crate::sink::Org;"),
    ("kafka/x.rs", "#[cfg(test)] mod tests { use crate::sink; } use crate::format;"),
    ("salesforce/x.rs", "use crate::sink::Org;"),
    ("salesforce/x.rs", "use crate::kafka::Clients;"),
    ("salesforce/rest/x.rs", "fn f(metrics: &crate::ops::metrics::Metrics) {}"),
    ("salesforce/x.rs", "impl crate::sink::Org for X {}"),
    ("sink/x.rs", "use crate::salesforce::Salesforce;"),
    ("sink/x.rs", "use crate::kafka;"),
    ("sink/x.rs", "fn f() { tokio::select! { () = crate::kafka::f() => {} } }"),
    ("sink/x.rs", r#"fn f() { format!("{}", crate::daemon::NAME); }"#),
    ("sink/x.rs", "use crate::source::Source;"),
    ("sink/x.rs", "use crate::check::Finding;"),
    ("source/x.rs", "use crate::sink::route::Route;"),
    ("api_call/x.rs", "use crate::salesforce::Salesforce;"),
    ("sink/route/x.rs", "use crate::sink::lane::Lane;"),
    ("sink/route/x.rs", "use super::super::budget::Budget;"),
    ("sink/route/x.rs", "use crate::ops::metrics;"),
    ("sink/route/x.rs", "use tokio_util::sync::CancellationToken;"),
    ("check/x.rs", "use crate::daemon;"),
    ("daemon/x.rs", "use crate::cli;"),
    ("daemon/x.rs", "mod inner { use super::super::super::cli::X; }"),
    ("daemon/x.rs", "use rdkafka::error::KafkaError;"),
    ("check/x.rs", "fn f(error: rdkafka::error::KafkaError) {}"),
    ("check/x.rs", "fn f() -> Vec<::rdkafka::Offset> { vec![] }"),
    ("sink/x.rs", "use kafka_ffi as ffi;"),
    ("ops/x.rs", "use ::reqwest::Client;"),
    ("kafka/producer.rs", "use reqwest::Client;"),
    ("cli/x.rs", "type Clients = Vec<reqwest::Client>;"),
    ("kafka/x.rs", "use tonic::Request;"),
];

const ALLOWED: &[(&str, &str)] = &[
    ("kafka/x.rs", "#[cfg(test)] mod tests { use crate::sink::lane::Lane; }"),
    ("kafka/x.rs", "#[cfg(test)] use crate::sink::lane::Lane;"),
    ("kafka/x.rs", "// crate::sink\n/// [`crate::sink`]\nfn f() { g(\"crate::sink\") }"),
    ("kafka/x.rs", "use crate::{config::Start, record::Record, runtime::{lease::Lease, stop::Stop}};"),
    ("kafka/consumer/x.rs", "use super::super::client::Clients; use rdkafka::Offset;"),
    ("kafka/client/oidc.rs", "use reqwest::StatusCode;"),
    ("format/registry/client.rs", "use reqwest::Client;"),
    ("sink/x.rs", "use tokio::time::Instant; struct S { kafka: String, check: u8 }"),
    ("daemon/x.rs", "use crate::{check, kafka::Clients, sink::Pipeline};"),
    ("daemon/x.rs", "use crate::{api_call::ApiCalls, source::Channels};"),
    ("cli/x.rs", "fn f() { <X as Y>::daemon::g() } use crate::daemon;"),
];

/// Files that import each other.
const CIRCULAR: &[&[(&str, &str)]] = &[
    &[("a/x.rs", "use super::y::Y;"), ("a/y.rs", "fn f() { super::x::g() }")],
    &[("a/mod.rs", "mod x; mod y; pub use x::X;"), ("a/x.rs", "use crate::a::y::Y;"), ("a/y.rs", "use super::X;")],
    &[("a/mod.rs", "mod x; fn f() { x::g() }"), ("a/x.rs", "use super::f;")],
    &[
        ("a/x.rs", "use crate::b::{self, Y};"),
        ("b.rs", "pub use crate::c::Y; fn f() { crate::c::g() }"),
        ("c.rs", "fn f() { println!(\"{}\", crate::a::x::X) }"),
    ],
];

const NOT_CIRCULAR: &[&[(&str, &str)]] = &[
    &[("a/mod.rs", "mod x; mod y; pub use x::X; pub use y::Y;"), ("a/x.rs", ""), ("a/y.rs", "use super::X;")],
    &[("a/x.rs", "use super::y::Y;"), ("a/y.rs", "#[cfg(test)] mod tests { use super::super::x::X; }")],
    &[("a/x.rs", "use super::y::Y; #[cfg(test)] mod z;"), ("a/y.rs", ""), ("a/x/z.rs", "use super::super::y::Z;")],
];

fn graph(files: &[(&str, &str)]) -> Graph {
    Graph::new(files.iter().map(|(path, text)| SourceFile::parse(path, text)))
}

#[test]
fn each_bad_snippet_is_a_breach_and_each_good_one_is_not() {
    for (path, text) in REFUSED {
        assert!(!breaches(&SourceFile::parse(path, text)).is_empty(), "{path}: {text}");
    }
    for (path, text) in ALLOWED {
        assert_eq!(breaches(&SourceFile::parse(path, text)), [], "{path}: {text}");
    }
}

#[test]
fn files_that_import_each_other_are_a_circle_also_through_a_reexport() {
    for files in CIRCULAR {
        assert_eq!(graph(files).circles().len(), 1, "{files:?}");
    }
    for files in NOT_CIRCULAR {
        assert_eq!(graph(files).circles(), Vec::<Vec<String>>::new(), "{files:?}");
    }
}
