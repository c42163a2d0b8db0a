//! The daemon as people run it: a child process with a configuration file.

use std::{
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{Config, Metrics, config_file, event::Event, until};

pub(crate) struct Daemon {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    /// Holds the other end of the log open.
    _listener: JoinHandle<Lines<BufReader<ChildStderr>>>,
    http: reqwest::Client,
    _dir: tempfile::TempDir,
}

impl Daemon {
    /// Starts it, and does not wait.
    pub(crate) fn spawn(config: &Config) -> Self {
        Self::spawn_with(&config.toml(), &[])
    }

    pub(crate) fn spawn_with(toml: &str, environment: &[(&str, &str)]) -> Self {
        Self::spawn_read_to(toml, environment, usize::MAX)
    }

    /// Reads only the first `lines` lines of its log, and leaves the pipe open and full.
    pub(crate) fn spawn_read_to(toml: &str, environment: &[(&str, &str)], lines: usize) -> Self {
        let (dir, file) = config_file(toml);
        let mut child = Command::new(env!("CARGO_BIN_EXE_sobjectd"))
            .args(["run", "--config"])
            .arg(&file)
            .env_clear()
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (mut heard, to) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&log));
        let listener = std::thread::spawn(move || {
            heard.by_ref().take(lines).map_while(Result::ok).for_each(|line| to.lock().unwrap().push(line));
            heard
        });
        Self { child, log, _listener: listener, http: reqwest::Client::new(), _dir: dir }
    }

    /// Starts it and waits until it is ready.
    pub(crate) async fn start(config: &Config) -> Self {
        let daemon = Self::spawn(config);
        daemon.ready().await;
        daemon
    }

    pub(crate) async fn ready(&self) {
        until("the daemon to be ready", async || (self.status("/ready").await == Some(200)).then_some(())).await;
    }

    pub(crate) async fn not_ready(&self) {
        let refuses = async || self.status("/ready").await.filter(|status| *status == 503);
        until("the daemon to be not ready", refuses).await;
    }

    /// The status of a page of the admin listener; `None` while the port is closed.
    pub(crate) async fn status(&self, path: &str) -> Option<u16> {
        Some(self.page(path).await?.0)
    }

    /// A page of the admin listener: its status and its body.
    pub(crate) async fn page(&self, path: &str) -> Option<(u16, String)> {
        let answer = self.http.get(self.admin()? + path).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    pub(crate) async fn metrics(&self) -> Metrics {
        until("the metrics", async || self.scrape().await).await
    }

    async fn scrape(&self) -> Option<Metrics> {
        let answer = self.http.get(self.admin()? + "/metrics").send().await.ok()?;
        Some(Metrics::parse(&answer.text().await.ok()?))
    }

    /// Waits until `records` records were read and each has its outcome; more is a failure.
    pub(crate) async fn settled(&self, records: u64) -> Metrics {
        let settled = async || {
            let metrics = self.scrape().await?;
            metrics.assert_all_accounted_for();
            assert!(metrics.read() <= records, "{} records were read, not {records}", metrics.read());
            (metrics.read() == records && metrics.in_flight() == 0).then_some(metrics)
        };
        until(&format!("{records} records to be settled"), settled).await
    }

    /// The address of the admin listener, once the log says it, in JSON or as text.
    pub(crate) fn admin(&self) -> Option<String> {
        let log = self.log();
        let line = log.iter().find(|line| line.contains("\"admin_listening\""))?;
        let at = line.find("127.0.0.1:")?;
        let end = line[at + 10..].find(|c: char| !c.is_ascii_digit()).unwrap_or(line.len() - at - 10);
        Some(format!("http://{}", &line[at..at + 10 + end]))
    }

    /// The lines of the log with this event, to be waited for: `daemon.event("drain_cut_short").await`.
    pub(crate) fn event(&self, name: &str) -> Event<'_> {
        Event::new(self, name)
    }

    /// The first line of the log that holds all of these: for the words themselves, and for a log that is not JSON.
    pub(crate) async fn says(&self, words: &[&str]) -> String {
        let find = async || self.log().iter().find(|line| words.iter().all(|word| line.contains(word))).cloned();
        until(&format!("a line of the log with {words:?}"), find).await
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Vec<String>> {
        self.log.lock().unwrap()
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("bash").args(["-c", &kill]).status().unwrap().success());
    }

    /// SIGKILL, and wait until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().unwrap();
        self.exit().await;
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub(crate) async fn exit(&mut self) -> ExitStatus {
        let status = until("the daemon to end", async || self.child.try_wait().unwrap()).await;
        // The last lines are on their way.
        let deadline = Instant::now() + Duration::from_secs(1);
        while Arc::strong_count(&self.log) > 1 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        status
    }

    /// SIGTERM, and the end of a clean drain.
    pub(crate) async fn stop(mut self) {
        self.metrics().await.assert_all_accounted_for();
        self.terminate();
        assert_eq!(self.exit().await.code(), Some(0));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill()); // it may be gone already
        drop(self.child.wait());
        if std::thread::panicking() {
            let log = self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            eprintln!("--- the daemon's log\n{}\n---", log[log.len().saturating_sub(60)..].join("\n"));
        }
    }
}
