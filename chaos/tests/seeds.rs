//! Runs a few seeds on the daemon that this workspace has built.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use chaos::{Brokers, Fault, Options, execute};

/// `SOBJECTD_BINARY`, or the one beside this test: `cargo test --workspace` builds it, and `cargo build` does.
fn binary() -> PathBuf {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("sobjectd"));
    let binary = std::env::var_os("SOBJECTD_BINARY").map(PathBuf::from).or_else(beside).unwrap_or_default();
    assert!(binary.exists(), "there is no {}: cargo build", binary.display());
    binary
}

const RECORDS: usize = 250;

#[tokio::test(flavor = "multi_thread")]
async fn a_few_seeds_pass() {
    use Fault::{Cut, Error, Gateway, Hang, Kill, Latency, Lock, Login, Maintenance, Zombie};
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/chaos");
    std::fs::create_dir_all(&dir).unwrap();
    let mut brokers = Brokers::new(&dir.join(format!("broker-test-{}", std::process::id())));
    let seeds: [(u64, &[Fault]); 3] =
        [(1, &[Latency, Error, Gateway, Maintenance, Lock, Cut, Hang, Login]), (2, &[Kill]), (3, &[Zombie])];
    for (seed, faults) in seeds {
        let options = Options {
            seed,
            records: RECORDS,
            replicas: 2,
            over: Duration::from_secs(3),
            faults: faults.to_vec(),
            binary: binary(),
            mutation: None,
            dir: dir.join("test"),
        };
        let report = execute(&mut brokers, &options).await.unwrap();
        assert!(report.verdict.records >= RECORDS);
        assert!(report.verdict.letters > 0, "the history has bad records");
        assert!(report.schedule.faults().count() > 0, "nothing happened");
        assert!(report.verdict.problems.is_empty(), "seed {seed} with {faults:?}: {:#?}", report.verdict.problems);
    }
}
