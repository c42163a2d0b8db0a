//! Plays cases through one daemon, and judges them by the org's journal and the dead letters.

use std::collections::BTreeMap;

use futures::future::join_all;
use sandbox::{Fault, Org};
use serde_json::{Value, json};

use super::case::{Act, Case, Change, External, Letter, Native};
use crate::harness::{Daemon, OBJECT, Record, Seeded, TestBed, org, python, record, unique};

pub(super) struct Rounds {
    bed: TestBed,
    /// The topic of the route in native id mode.
    native: String,
    daemon: Daemon,
    /// What each record must come to, by topic and offset, with the name of its case.
    letters: BTreeMap<(String, usize), (String, Option<Letter>)>,
    problems: Vec<String>,
}

impl Rounds {
    /// One route in each id mode, and calls enough for all.
    pub(super) async fn start(name: &str) -> Self {
        let mut bed = TestBed::new(name).await;
        let native = unique(&format!("{name}.native"));
        bed.broker.topic(&native, 1).await;
        bed.config.in_route("options.from_headers", "true").route(&[
            ("topic", &format!("'{native}'")),
            ("sobject", &format!("'{OBJECT}'")),
            ("operation", "'update'"),
            ("operation_header", "'operation'"),
            ("options.from_headers", "true"),
        ]);
        for (key, value) in [
            ("salesforce.max_concurrent_requests", "50"),
            ("salesforce.unknown_hold", "'500ms'"),
            ("salesforce.quota.probe_interval", "'200ms'"),
            ("pipeline.linger", "'50ms'"),
            ("retry.row_timeout", "'2s'"),
        ] {
            bed.config.set(key, value);
        }
        let daemon = Daemon::start(&bed.config).await;
        Self { bed, native, daemon, letters: BTreeMap::new(), problems: Vec::new() }
    }

    /// Tells the org of its faults, produces the records of all cases at once, lets `mended` mend what does not end by
    /// itself, and waits for all.
    pub(super) async fn play(&mut self, cases: Vec<Case>, faults: Vec<Fault>, mended: impl AsyncFnOnce(&Org)) {
        let mut records = [Vec::new(), Vec::new()];
        let seeded = join_all(cases.iter().map(|case| seed(&self.bed.org, case))).await;
        let before = self.bed.org.journal().len();
        for fault in faults {
            self.bed.fault(fault);
        }
        for (case, names) in cases.iter().zip(seeded) {
            let (topic, records) = match case.act.mode {
                External => (&self.bed.topic, &mut records[0]),
                Native => (&self.native, &mut records[1]),
            };
            let offset = self.letters.keys().filter(|(of, _)| of == topic).count();
            let [struck, later] = case.expected().1;
            let [first, second] = case.neighbours();
            let rows = [(first, None), (case.key.clone(), struck), (second, None)];
            for (at, (key, letter)) in rows.into_iter().enumerate() {
                records.push(change(case, case.act.operation, &names, &key, "1"));
                self.letters.insert((topic.clone(), offset + at), (key, letter));
            }
            if let Some(operation) = case.later() {
                records.push(change(case, operation, &names, &case.key, "2"));
                self.letters.insert((topic.clone(), offset + 3), (format!("{}, later", case.key), later));
            }
        }
        for (topic, records) in [&self.bed.topic, &self.native].into_iter().zip(&records) {
            python::produce(self.bed.broker, topic, records).await;
        }
        mended(&self.bed.org).await;
        self.daemon.settled(self.letters.len() as u64).await;
        for struck in self.bed.org.faults() {
            // In company it may find no row: a call that has failed makes the next ones smaller.
            let hits = if struck.fault.min_rows.is_some() { 0 } else { struck.fault.times.unwrap_or(1) };
            if struck.hits < hits {
                self.problems.push(format!("it has struck {} times: {:?}", struck.hits, struck.fault));
            }
        }
        self.bed.org.clear_faults();
        for case in &cases {
            self.judge(case, before);
        }
    }

    fn judge(&mut self, case: &Case, before: usize) {
        let history = |key: &str| -> Vec<Change> {
            let key = serde_json::to_string(key).unwrap();
            let changes = org::changes(&self.bed.org, case.act.key_field(), &key);
            changes.into_iter().filter(|change| change.seq > before as u64).map(described).collect()
        };
        let (seen, (wanted, _)) = (history(&case.key), case.expected());
        if seen != wanted {
            self.problems.push(format!("{}: {seen:?} was applied, not {wanted:?}", case.key));
        }
        for neighbour in case.neighbours() {
            let seen = history(&neighbour);
            if !case.along().contains(&seen.len()) {
                self.problems.push(format!("{neighbour}: {seen:?} was applied, and it only went along"));
            }
        }
    }

    /// Stops the daemon, reads the dead letters, and fails with all that was not as it must be.
    pub(super) async fn finish(mut self) {
        self.daemon.stop().await;
        for topic in [&self.bed.topic, &self.native] {
            let produced = self.letters.keys().filter(|(of, _)| of == topic).count();
            let committed = self.bed.broker.committed(&self.bed.group, topic, 1).await[0];
            assert_eq!(committed, Some(produced as i64), "{topic}");
        }
        let count = self.letters.values().filter(|(_, letter)| letter.is_some()).count();
        let mut found = BTreeMap::<_, Vec<_>>::new();
        for letter in python::consume(self.bed.broker, &self.bed.letters, count).await {
            let header = |name: &str| letter.header(name).unwrap_or_default();
            let at = (header("__connect.errors.topic"), header("__connect.errors.offset").parse::<usize>().unwrap());
            let class = header("__connect.errors.exception.class.name");
            found.entry(at).or_default().push((class, header("sobjectd.status_code")));
        }
        for (at, (name, wanted)) in &self.letters {
            let seen = found.remove(at).unwrap_or_default();
            let fits = match (seen.as_slice(), wanted) {
                ([], None) => true,
                ([(class, code)], Some((wanted, wanted_code))) => {
                    class == wanted && (wanted_code.is_empty() || code == wanted_code)
                }
                _ => false,
            };
            if !fits {
                self.problems.push(format!("{name}: the dead letters {seen:?}, not {wanted:?}"));
            }
        }
        assert!(self.problems.is_empty() && found.is_empty(), "{:#?}\n{found:?}", self.problems);
    }
}

/// Puts there what is to be updated or deleted. Key → record id, where that is what names it.
async fn seed(org: &Org, case: &Case) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    if case.act.creates() {
        return ids;
    }
    for key in case.neighbours().into_iter().chain(case.is_seeded().then(|| case.key.clone())) {
        let fields = json!({"ExternalId__c": key, "Text__c": "0"}).to_string();
        ids.insert(key, Seeded(org).create(OBJECT, &fields).await);
    }
    if !case.is_seeded() {
        // Of this object, and never given.
        let end = if case.act.deletes() { "zzzy" } else { "zzzz" };
        let never = format!("{}{end}", &ids[&case.neighbours()[0]][..11]);
        ids.insert(case.key.clone(), never);
    }
    ids
}

/// A record that asks for an operation. The client's name keeps the calls of two cases apart.
fn change(case: &Case, operation: &str, ids: &BTreeMap<String, String>, key: &str, text: &str) -> Record {
    let name = if case.act.mode == Native { ids.get(key).map_or(key, String::as_str) } else { key };
    let mut value = json!({"Text__c": text});
    if case.act == Act::NATIVE_INSERT {
        value[case.act.key_field()] = json!(key);
    }
    let record = record(name, value.to_string()).operation(operation);
    record.header("Sforce-Call-Options", format!("client={}", case.key))
}

fn described(change: sandbox::Change) -> Change {
    let fields = change.fields.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    let text = fields.and_then(|fields| fields["Text__c"].as_str().map(str::to_owned));
    (format!("{:?}", change.op).to_lowercase(), text)
}
