//! `/metrics`, and the equation that holds in it.

use std::collections::{BTreeMap, BTreeSet};

/// One scrape.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(Vec<Sample>);

#[derive(Debug, Clone)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

pub(crate) const READ: &str = "sobjectd_records_read_total";
pub(crate) const SETTLED: &str = "sobjectd_records_settled_total";
pub(crate) const IN_FLIGHT: &str = "sobjectd_records_in_flight";

impl Metrics {
    pub(crate) fn parse(text: &str) -> Self {
        Self(text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).map(sample).collect())
    }

    /// The sum of all samples of this name that carry these labels; 0 without any.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.carrying(name, labels).map(|sample| sample.value).sum::<f64>() as u64
    }

    fn carrying(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = &Sample> {
        self.0.iter().filter(move |sample| {
            sample.name == name && labels.iter().all(|(key, value)| sample.labels.get(*key).is_some_and(|v| v == value))
        })
    }

    /// How many samples of this name carry these labels.
    pub(crate) fn samples(&self, name: &str, labels: &[(&str, &str)]) -> usize {
        self.carrying(name, labels).count()
    }

    /// Whether there is a sample of this name with these labels, whatever their values where none is given.
    pub(crate) fn has(&self, name: &str, labels: &[(&str, Option<&str>)]) -> bool {
        let carries = |sample: &Sample, key: &str, wanted: Option<&str>| {
            sample.labels.get(key).is_some_and(|value| wanted.is_none_or(|wanted| wanted == value))
        };
        self.0
            .iter()
            .any(|sample| sample.name == name && labels.iter().all(|(key, value)| carries(sample, key, *value)))
    }

    pub(crate) fn read(&self) -> u64 {
        self.sum(READ, &[])
    }

    /// `written`, `dead_lettered`, `skipped` or `dropped`.
    pub(crate) fn settled(&self, outcome: &str) -> u64 {
        self.sum(SETTLED, &[("outcome", outcome)])
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.sum(IN_FLIGHT, &[])
    }

    /// Every record that was read has one outcome or is in flight, for each route.
    pub(crate) fn assert_all_accounted_for(&self) {
        let routes: BTreeSet<_> = self.0.iter().filter_map(|sample| sample.labels.get("route")).collect();
        assert!(!routes.is_empty() || self.read() == 0, "records were read, and of no route");
        for route in routes {
            let of_route = [("route", route.as_str())];
            let outcomes = ["written", "dead_lettered", "skipped", "dropped"];
            let settled: u64 = outcomes.iter().map(|o| self.sum(SETTLED, &[of_route[0], ("outcome", *o)])).sum();
            let (read, in_flight) = (self.sum(READ, &of_route), self.sum(IN_FLIGHT, &of_route));
            assert_eq!(settled, self.sum(SETTLED, &of_route), "{route}: an outcome that is none of {outcomes:?}");
            assert_eq!(read, settled + in_flight, "{route}: read = settled + in flight does not hold");
        }
    }
}

/// `name{label="value",…} 1`
fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("no sample: {line}"));
    let label = |pair: &str| {
        let (key, value) = pair.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
        (key.trim_start_matches(',').to_owned(), value.to_owned())
    };
    let labels = labels.split_terminator('"').collect::<Vec<_>>();
    let labels = labels.chunks(2).map(|pair| label(&pair.join("\""))).collect();
    Sample { name: name.to_owned(), labels, value: value.parse().unwrap_or_else(|_| panic!("no number: {line}")) }
}

#[test]
fn a_scrape_is_read_and_judged() {
    let text = "# HELP x y\n\
        sobjectd_records_read_total{route=\"a,b\"} 5\n\
        sobjectd_records_settled_total{route=\"a,b\",outcome=\"written\"} 3\n\
        sobjectd_records_settled_total{route=\"a,b\",outcome=\"dead_lettered\"} 1\n\
        sobjectd_records_in_flight{route=\"a,b\"} IN_FLIGHT\n\
        # EOF\n";
    let good = Metrics::parse(&text.replace("IN_FLIGHT", "1"));
    assert_eq!((good.read(), good.settled("written"), good.in_flight()), (5, 3, 1));
    good.assert_all_accounted_for();
    let bad = Metrics::parse(&text.replace("IN_FLIGHT", "0"));
    assert!(std::panic::catch_unwind(|| bad.assert_all_accounted_for()).is_err(), "a record is missing");
}
