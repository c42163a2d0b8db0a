//! An org that does what the plan says, and a dead-letter topic that does too.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, sleep, sleep_until},
};

use super::{
    HOLD,
    ledger::{Ledger, Serial},
    oracle::Word,
    plan::{Answer, Fate, Letter, Nature, Plan, RowFate},
    source,
};
use crate::{
    dead_letter::Rejected,
    record::{
        BatchKey, BatchRow, Cause, ConnectStage, Doubt, Field, Identity, OrgTrouble, Reason, Refresh, Rejection,
        RetryKind, SObject, Suspicion, Verdict,
    },
    runtime::lease::{Lease, WritePermit},
    sink::{
        CallPermit, Org,
        dead_letters::{DeadLetterError, DeadLetters},
    },
};

pub(super) struct ModelOrg {
    ledger: Arc<Ledger>,
    lease: Lease,
    plan: Arc<Plan>,
    answers: Mutex<VecDeque<Answer>>,
    /// The number of calls that a poisoned record has spoilt.
    spoilt: Mutex<HashMap<(usize, usize), u8>>,
    /// The parents of the rows on the wire.
    locked: Mutex<HashSet<String>>,
    up: watch::Sender<bool>,
    permits: Arc<Semaphore>,
    probe: Arc<Semaphore>,
    due: Mutex<Instant>,
}

pub(super) struct ModelPermit {
    _call: OwnedSemaphorePermit,
    probe: Option<OwnedSemaphorePermit>,
}

impl CallPermit for ModelPermit {
    fn is_probe(&self) -> bool {
        self.probe.is_some()
    }
}

/// The time between two probes.
const PROBE: Duration = Duration::from_millis(500);

impl ModelOrg {
    pub(super) fn new(plan: Arc<Plan>, ledger: Arc<Ledger>, lease: Lease) -> Self {
        Self {
            lease,
            answers: Mutex::new(plan.answers.iter().cloned().collect()),
            ledger,
            spoilt: Mutex::default(),
            locked: Mutex::default(),
            up: watch::channel(true).0,
            permits: Arc::new(Semaphore::new(plan.bounds.calls)),
            probe: Arc::new(Semaphore::new(1)),
            due: Mutex::new(Instant::now()),
            plan,
        }
    }

    fn next(&self) -> Answer {
        self.answers.lock().unwrap().pop_front().unwrap_or(Answer { latency: 5, fate: Fate::Well })
    }

    fn nature(&self, serial: Serial) -> Nature {
        let (partition, offset) = self.ledger.place(serial);
        let nature = self.plan.partitions[partition].records[offset].nature;
        let Nature::Poison(times) = nature else { return nature };
        let spoilt = self.spoilt.lock().unwrap().get(&(partition, offset)).copied().unwrap_or(0);
        if spoilt < times { nature } else { Nature::Good }
    }

    fn judge(&self, call: &[Serial], fate: &Fate) -> Vec<Word> {
        let natures: Vec<_> = call.iter().map(|serial| self.nature(*serial)).collect();
        let all = |word| vec![word; call.len()];
        match fate {
            Fate::Later => return all(Word::Later),
            Fate::Barred => return all(Word::Barred),
            Fate::Unknown { .. } => return all(Word::Unknown),
            Fate::Fatal => return all(Word::Fatal),
            Fate::Well | Fate::Rows(_) | Fate::Transaction | Fate::Refused => {}
        }
        let fails = |nature: &Nature| matches!(nature, Nature::Poison(_));
        if let Some(index) = natures.iter().position(fails) {
            *self.spoilt.lock().unwrap().entry(self.ledger.place(call[index])).or_default() += 1;
            return all(Word::Later);
        }
        if natures.contains(&Nature::Named) {
            return natures.iter().map(|nature| Word::Refused { suspect: *nature == Nature::Named }).collect();
        }
        match fate {
            _ if natures.contains(&Nature::Unnamed) => return all(Word::Refused { suspect: false }),
            _ if natures.contains(&Nature::Transaction) => return all(Word::Transaction),
            Fate::Refused if call.len() > 1 => return all(Word::Refused { suspect: false }),
            Fate::Transaction if call.len() > 1 => return all(Word::Transaction),
            _ => {}
        }
        let word = |(index, nature): (usize, &Nature)| match (nature, fate) {
            (Nature::Rejected, _) => Word::Rejected,
            (Nature::Locked, _) => Word::Again,
            (Nature::Orphan, _) => Word::MissingParent,
            (Nature::Twin, _) => Word::Apart,
            (_, Fate::Rows(rows)) => match rows[index % rows.len()] {
                RowFate::Again => Word::Again,
                RowFate::MissingParent => Word::MissingParent,
                RowFate::Parked => Word::Parked,
                RowFate::Apart => Word::Apart,
                RowFate::Deferred if index > 0 => Word::Deferred,
                RowFate::Written | RowFate::Deferred => Word::Written,
            },
            _ => Word::Written,
        };
        natures.iter().enumerate().map(word).collect()
    }

    /// Takes in what a call has shown of the org, for all callers.
    fn report(&self, words: &[Word]) {
        let away = words.iter().any(|word| matches!(word, Word::Later | Word::Barred));
        if away {
            *self.due.lock().unwrap() = Instant::now() + PROBE;
        }
        if away || !words.contains(&Word::Unknown) {
            self.up.send_replace(!away);
        }
    }
}

impl Org for ModelOrg {
    type Permit = ModelPermit;

    async fn permit(&self) -> ModelPermit {
        let call = self.permits.clone().acquire_owned().await.unwrap();
        let mut up = self.up.subscribe();
        let probe = async {
            let permit = self.probe.clone().acquire_owned().await;
            loop {
                let due = *self.due.lock().unwrap();
                if due <= Instant::now() {
                    *self.due.lock().unwrap() = Instant::now() + PROBE;
                    return permit.ok();
                }
                sleep_until(due).await;
            }
        };
        tokio::select! {
            biased;
            _ = up.wait_for(|up| *up) => ModelPermit { _call: call, probe: None },
            permit = probe => ModelPermit { _call: call, probe: permit },
        }
    }

    async fn wait_for_outage(&self, patience: Duration) {
        let mut up = self.up.subscribe();
        loop {
            drop(up.wait_for(|up| !up).await);
            if tokio::time::timeout(patience, up.wait_for(|up| *up)).await.is_err() {
                return;
            }
        }
    }

    async fn wait_for_exhausted_quota(&self) -> Cause {
        std::future::pending().await
    }

    async fn write(&self, key: &BatchKey, rows: &[BatchRow<'_>], _: &WritePermit) -> Vec<Verdict> {
        let call: Vec<Serial> = rows.iter().map(serial).collect();
        let of_key = |row: &BatchRow<'_>| {
            row.command.action == key.action
                && row.command.target.as_ref().and_then(Identity::key_field) == key.key_field.as_ref()
        };
        self.ledger.expect(rows.iter().all(of_key), || format!("a call of {key:?} holds other rows"));
        self.ledger.expect(self.lease.is_held(), || "a call without the lease".to_owned());
        self.ledger.sent(&call, rows.iter().map(|row| row.command.row_len()).sum());
        let parents = parents(rows);
        let free = self.locked.lock().unwrap().is_disjoint(&parents);
        self.ledger.expect(free, || format!("two calls at once with children of one of {parents:?}"));
        self.locked.lock().unwrap().extend(parents.iter().cloned());
        let (Answer { latency, fate }, sent) = (self.next(), Instant::now());
        let words = self.judge(&call, &fate);
        if let Fate::Unknown { applied: Some(share) } = fate {
            let good: Vec<_> = call.iter().copied().filter(|serial| self.nature(*serial) == Nature::Good).collect();
            let ledger = self.ledger.clone();
            tokio::spawn(async move {
                sleep_until(sent + HOLD * u32::try_from(share).unwrap() / 1_000).await;
                for serial in good {
                    ledger.applied(serial);
                }
            });
        }
        sleep(Duration::from_millis(latency)).await;
        let said: Vec<_> = call.into_iter().zip(words.iter().copied()).collect();
        for (serial, _) in said.iter().filter(|(_, word)| *word == Word::Fatal) {
            self.ledger.unclean_of(*serial);
        }
        self.locked.lock().unwrap().retain(|parent| !parents.contains(parent));
        let ended = Instant::now();
        self.ledger.answered(&said, ended);
        self.report(&words);
        words.into_iter().map(|word| verdict(word, ended)).collect()
    }

    async fn probe(&self) {
        let Answer { latency, fate } = self.next();
        sleep(Duration::from_millis(latency)).await;
        let word = match fate {
            Fate::Later => Word::Later,
            Fate::Barred => Word::Barred,
            Fate::Unknown { .. } => Word::Unknown,
            _ => Word::Written,
        };
        self.report(&[word]);
    }

    async fn describe(&self, _: &str, _: Refresh<'_>) -> Result<Arc<SObject>, Cause> {
        let fields = [
            Field::sample("Ext__c", "string", true),
            Field::sample("V__c", "double", false),
            Field::sample("Pad__c", "string", false),
            Field::sample("Parent__c", "reference", false),
        ];
        Ok(Arc::new(SObject::new("Thing__c", fields)))
    }
}

/// The parents of the rows, by the characters that the two lengths of a record id have in common.
fn parents(rows: &[BatchRow<'_>]) -> HashSet<String> {
    let fields = rows.iter().flat_map(|row| row.command.fields.iter());
    fields.filter(|(name, _)| ***name == *"Parent__c").map(|(_, json)| json[1..16].to_owned()).collect()
}

/// The reading that a row is of: a delete has no fields, so an external id says it.
fn serial(row: &BatchRow<'_>) -> Serial {
    match &row.command.target {
        Some(Identity::ExternalId(external)) => source::serial_of(external.text()),
        Some(Identity::RecordId(_)) | None => {
            let value = row.command.fields.iter().find(|(name, _)| ***name == *"V__c").map(|(_, json)| json.parse());
            value.expect("each row by record id has its field").expect("the field is a number")
        }
    }
}

fn verdict(word: Word, ended: Instant) -> Verdict {
    let cause = Cause::new("the plan says so");
    match word {
        Word::Written => Verdict::Written { id: None, created: true },
        Word::Rejected => Verdict::Rejected(Rejection { reason: Reason::Refused, stage: ConnectStage::Put, cause }),
        Word::Again => Verdict::retry(RetryKind::Backoff, cause),
        Word::MissingParent => Verdict::retry(RetryKind::Parent, cause),
        Word::Parked => Verdict::retry(RetryKind::Parked, cause),
        Word::Apart => Verdict::retry(RetryKind::Alone, cause),
        Word::Deferred => Verdict::retry(RetryKind::NextCall, cause),
        Word::Transaction => Verdict::retry(RetryKind::Smaller { suspicion: None }, cause),
        Word::Refused { suspect } => Verdict::retry(
            RetryKind::Smaller { suspicion: Some(if suspect { Suspicion::Row } else { Suspicion::NotNamed }) },
            cause,
        ),
        Word::Later => Verdict::retry(RetryKind::Org(OrgTrouble::Unavailable), cause),
        Word::Barred => Verdict::retry(RetryKind::Org(OrgTrouble::Session), cause),
        Word::Unknown => Verdict::Unknown { cause, ended: ended.into_std(), doubt: Doubt::Lost },
        Word::Fatal => Verdict::Fatal(cause),
    }
}

pub(super) struct ModelLetters {
    ledger: Arc<Ledger>,
    fates: Mutex<VecDeque<Letter>>,
}

impl ModelLetters {
    pub(super) fn new(plan: &Plan, ledger: Arc<Ledger>) -> Self {
        Self { ledger, fates: Mutex::new(plan.letters.iter().cloned().collect()) }
    }
}

impl DeadLetters for ModelLetters {
    async fn deliver(&self, rejected: Rejected<'_>) -> Result<(), DeadLetterError> {
        let letter = rejected.letter();
        let position = &letter.record.position;
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Letter { latency: 0, taken: true });
        sleep(Duration::from_millis(fate.latency)).await;
        let partition = usize::try_from(position.partition).unwrap();
        if !fate.taken {
            self.ledger.unclean(partition);
            return Err(DeadLetterError::Permanent {
                topic: "dead".to_owned(),
                message: "the plan says so".to_owned(),
            });
        }
        let mut classes = letter.record.headers_named("__connect.errors.exception.class.name");
        let class = classes.next().and_then(|header| header.value.clone()).unwrap();
        let reason = std::str::from_utf8(&class).unwrap().trim_start_matches("sobjectd.");
        self.ledger.dead(partition, position.offset, reason);
        Ok(())
    }
}
