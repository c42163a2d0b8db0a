//! deploy/grafana and deploy/prometheus ask for nothing that the daemon does not show.

use std::convert::Infallible;

use promql_parser::{
    label::{MatchOp, Matcher},
    parser::{Expr, VectorSelector, parse},
    util::{ExprVisitor, walk_expr},
};
use serde::Deserialize;
use serde_json::Value;

use super::exercised;
use crate::harness::Metrics;

const DASHBOARD: &str = include_str!("../../../deploy/grafana/sobjectd.json");
const RULES: &str = include_str!("../../../deploy/prometheus/rules.yml");

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Alert>,
}

#[derive(Deserialize)]
pub(super) struct Alert {
    #[serde(rename = "alert")]
    pub(super) name: String,
    expr: String,
    labels: std::collections::BTreeMap<String, String>,
    annotations: std::collections::BTreeMap<String, String>,
}

impl Alert {
    /// The section that says what to do.
    pub(super) fn runbook(&self) -> Option<&str> {
        self.annotations.get("runbook").map(String::as_str)
    }
}

/// In their order.
pub(super) fn alerts() -> Vec<Alert> {
    let rules: Rules = serde_saphyr::from_str(RULES).unwrap();
    rules.groups.into_iter().flat_map(|group| group.rules).collect()
}

/// The expressions of all panels, and the selectors of the variables, with values for what Grafana fills in.
fn dashboard() -> Vec<String> {
    fn walk(value: &Value, key: &str, found: &mut Vec<String>) {
        match value {
            Value::String(text) if key == "expr" => found.push(text.clone()),
            Value::String(text) if key == "definition" => {
                let (selector, _) = text.strip_prefix("label_values(").unwrap().rsplit_once(", ").unwrap();
                found.push(selector.to_owned());
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, "", found)),
            Value::Object(members) => members.iter().for_each(|(key, value)| walk(value, key, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(&serde_json::from_str(DASHBOARD).unwrap(), "", &mut found);
    found.iter().map(|expr| expr.replace("$__rate_interval", "5m").replace("$__range", "1h")).collect()
}

/// The selectors of an expression.
#[derive(Default)]
struct Selectors(Vec<VectorSelector>);

impl ExprVisitor for Selectors {
    type Error = Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Infallible> {
        match expr {
            Expr::VectorSelector(selector) => self.0.push(selector.clone()),
            Expr::MatrixSelector(matrix) => self.0.push(matrix.vs.clone()),
            _ => {}
        }
        Ok(true)
    }
}

/// Added by Prometheus, or by another scraper.
fn is_target_label(matcher: &Matcher) -> bool {
    ["job", "instance"].contains(&matcher.name.as_str())
}

fn assert_is_there(expr: &str, scrape: &Metrics) {
    let parsed = parse(expr).unwrap_or_else(|error| panic!("{expr}: {error}"));
    let mut selectors = Selectors::default();
    walk_expr(&mut selectors, &parsed).unwrap();
    assert!(!selectors.0.is_empty(), "{expr} asks for nothing");
    for selector in selectors.0 {
        let name = selector.name.unwrap_or_else(|| panic!("{expr}: a selector without a name"));
        assert!(scrape.has(&name, &[]), "{expr}: no {name} in /metrics");
        for matcher in selector.matchers.matchers.iter().filter(|matcher| !is_target_label(matcher)) {
            let value = matches!(matcher.op, MatchOp::Equal | MatchOp::NotEqual).then_some(matcher.value.as_str());
            assert!(scrape.has(&name, &[(&matcher.name, value)]), "{expr}: no {name} with {matcher}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_expression_asks_for_what_is_there() {
    let scrape = Metrics::parse(&exercised().await);
    let dashboard = dashboard();
    assert!(dashboard.len() > 30, "{dashboard:#?}");
    for expr in dashboard {
        assert_is_there(&expr, &scrape);
    }
    for alert in alerts() {
        assert_is_there(&alert.expr, &scrape);
        assert!(["warning", "critical"].contains(&alert.labels["severity"].as_str()), "{}", alert.name);
        assert!(alert.annotations.contains_key("summary") && alert.annotations.contains_key("description"));
    }
    let wrong =
        ["sobjectd_nothing", "rate(sobjectd_calls_total{stat=\"200\"}[5m])", "sobjectd_state{state=\"runing\"}"];
    for expr in wrong {
        assert!(std::panic::catch_unwind(|| assert_is_there(expr, &scrape)).is_err(), "{expr} is taken");
    }
}
