//! `sobjectd dev`: runs the daemon between an embedded broker and an embedded org, to try it out. With `--sample N` it
//! produces N records, accounts for each, and exits.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use sandbox::{
    Broker, Org, Server, ServerOptions,
    sample::{self, DeadLetter, Sample},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{self, Config, Loaded},
    daemon,
    ops::metrics::{Metrics, Outcome},
};

/// The seed of the sample, which is the same in every run.
const SEED: u64 = 20_000;
/// How long a sample may make no progress before it has failed.
const STALL: Duration = Duration::from_secs(60);

/// The configuration without `--config`.
const BUILT_IN: &str = include_str!("../config/dev.toml");

/// Runs until `cancel`, or until the sample is done.
pub async fn run(file: Option<&Path>, count: Option<u64>, cancel: CancellationToken) -> Result<()> {
    let broker = Broker::start(&[sample::CONTACTS, sample::READINGS, sample::DEAD_LETTERS])?;
    let org = Server::start(ServerOptions::default()).await.context("the embedded org")?;
    let loaded = load(file, &broker, &org)?;
    let metrics = Metrics::new();
    let Some(count) = count else {
        introduce(&loaded.config, &broker, &org);
        return daemon::run(loaded, metrics, cancel).await;
    };
    let mut daemon = tokio::spawn(daemon::run(loaded, metrics.clone(), cancel.clone()));
    let done = tokio::select! {
        done = try_sample(count, &broker, &org, &metrics) => done,
        ended = &mut daemon => bail!("the daemon has ended: {:?}", ended?),
        () = cancel.cancelled() => Err(anyhow::anyhow!("stopped before the sample was done")),
    };
    cancel.cancel();
    daemon.await??;
    done
}

/// Loads the configuration with the addresses of the embedded broker and org.
fn load(file: Option<&Path>, broker: &Broker, org: &Org) -> Result<Loaded> {
    let addresses = [
        ("SOBJECTD__KAFKA__BOOTSTRAP_SERVERS", broker.bootstrap_servers()),
        ("SOBJECTD__SALESFORCE__LOGIN_URL", org.url()),
    ];
    let addresses = addresses.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = config::variables(std::env::vars_os()).chain(addresses);
    Ok(match file {
        Some(file) => config::load(file, environment)?,
        None => config::load_text(BUILT_IN, Path::new("the built-in dev.toml"), environment)?,
    })
}

#[expect(clippy::print_stdout, reason = "the command's result")]
fn introduce(config: &Config, broker: &Broker, org: &Org) {
    println!("broker  {}", broker.bootstrap_servers());
    println!("org     {}", org.url());
    if let Some(admin) = config.admin.listen {
        println!("admin   http://{admin}/metrics");
    }
    println!();
    for route in &config.routes {
        println!("{:<16} → {:<12} {}", route.topic, route.sobject, route.external_id_field.as_deref().unwrap_or("Id"));
    }
    println!();
    let (contacts, _) = sample::CONTACTS;
    println!(
        "write   echo 'C-1:{{\"LastName\":\"Ada\"}}' | kcat -b {} -t {contacts} -P -K:",
        broker.bootstrap_servers()
    );
    println!("read    curl -s {}/sandbox/records/Contact", org.url());
}

async fn try_sample(count: u64, broker: &Broker, org: &Org, metrics: &Metrics) -> Result<()> {
    let sample = Sample::generate(count, SEED);
    let bar = ProgressBar::new(count).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} records  {per_sec}  {elapsed}").context("progress bar")?,
    );
    let start = Instant::now();
    let bootstrap_servers = broker.bootstrap_servers().to_owned();
    let produced = tokio::task::spawn_blocking(move || sample.produce(&bootstrap_servers).map(|()| sample));
    let sample = produced.await??;
    let settled = || {
        let all = [Outcome::Written, Outcome::DeadLettered, Outcome::Skipped];
        all.into_iter().map(|outcome| metrics.count(outcome)).sum::<u64>()
    };
    let mut last_settled = 0;
    let mut last_progress = Instant::now();
    while last_settled < count {
        sleep(Duration::from_millis(50)).await;
        let now_settled = settled();
        if now_settled != last_settled {
            last_settled = now_settled;
            last_progress = Instant::now();
            bar.set_position(last_settled);
        }
        if last_progress.elapsed() > STALL {
            bail!("{} of {count} records are unaccounted for", count - last_settled);
        }
    }
    bar.finish();
    let took = start.elapsed();
    let (bootstrap_servers, (topic, _)) = (broker.bootstrap_servers().to_owned(), sample::DEAD_LETTERS);
    let letters = tokio::task::spawn_blocking(move || sample::read_dead_letters(&bootstrap_servers, topic)).await??;
    report(&sample, &letters, org, metrics, took);
    let differences = sample.expected.differences(sample.records.len(), org, &letters);
    if !differences.is_empty() || settled() != count {
        bail!("{} of {count} records settled; differences:\n  {}", settled(), differences.join("\n  "));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's result")]
fn report(sample: &Sample, letters: &[DeadLetter], org: &Org, metrics: &Metrics, took: Duration) {
    let calls = org.calls();
    let rows = calls.rows_create + calls.rows_update + calls.rows_upsert + calls.rows_delete;
    let writes = calls.create + calls.update + calls.upsert + calls.delete;
    let line = |name: &str, value: String| println!("  {name:<28}{value:>12}");
    println!("\nwritten                       {:>12}", metrics.count(Outcome::Written));
    for operation in ["INSERT", "UPDATE", "UPSERT", "DELETE"] {
        let asked = sample.records.iter().filter(|record| record.asks_for() == operation).count();
        let dead = letters.iter().filter(|letter| letter.operation == operation).count();
        line(operation, (asked - dead).to_string());
    }
    println!("dead-lettered                 {:>12}", letters.len());
    for (cause, count) in sample::by_cause(letters) {
        line(cause, count.to_string());
    }
    println!("skipped                       {:>12}", metrics.count(Outcome::Skipped));
    println!("API calls                     {:>12}", writes + calls.query + calls.describe);
    line("create, update", format!("{}, {}", calls.create, calls.update));
    line("upsert, delete", format!("{}, {}", calls.upsert, calls.delete));
    line("query, describe", format!("{}, {}", calls.query, calls.describe));
    println!("rows per write call           {:>12.1}", rows as f64 / writes.max(1) as f64);
    println!("rows/s                        {:>12.0}", sample.records.len() as f64 / took.as_secs_f64());
}
