//! The tables of docs/operations.md, held against a scrape and the rules.

use std::collections::BTreeSet;

use super::{Families, OPERATIONS, declared, exercised, table, watched::alerts};

fn documented() -> Families {
    let family = |row: Vec<&str>| {
        let [name, kind, labels, meaning] = row[..] else { panic!("{row:?}") };
        assert!(!meaning.is_empty(), "{name}");
        let labels = labels.split("`, `").filter(|label| !label.is_empty()).map(str::to_owned).collect();
        (name.to_owned(), (kind.to_owned(), labels))
    };
    table("Metrics").into_iter().map(family).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_with_its_labels() {
    let (there, documented) = (declared(&exercised().await), documented());
    for (name, family) in &there {
        assert_eq!(documented.get(name), Some(family), "{name}: in docs/operations.md");
    }
    let gone: Vec<_> = documented.keys().filter(|name| !there.contains_key(*name)).collect();
    assert!(gone.is_empty(), "not in /metrics: {gone:?}");
}

#[test]
fn the_runbook_of_an_alert_is_a_section_of_the_operations_page() {
    let slug = |heading: &str| heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    let sections: BTreeSet<_> = OPERATIONS.lines().filter(|line| line.starts_with("##")).map(slug).collect();
    let runbooks: Vec<_> = alerts().into_iter().filter_map(|alert| alert.runbook().map(str::to_owned)).collect();
    assert!(runbooks.len() >= 3, "{runbooks:?}");
    for runbook in runbooks {
        let section = runbook.strip_prefix("docs/operations.md#").unwrap_or_else(|| panic!("{runbook}"));
        assert!(sections.contains(section), "{section} is not in {sections:?}");
    }
}

#[test]
fn every_alert_is_documented() {
    let documented: Vec<_> = table("Alerts").into_iter().map(|row| row[0].to_owned()).collect();
    let there: Vec<_> = alerts().into_iter().map(|alert| alert.name).collect();
    assert_eq!(documented, there, "docs/operations.md and deploy/prometheus/rules.yml, in one order");
    assert_eq!(there.iter().collect::<BTreeSet<_>>().len(), there.len(), "each once");
}
