//! TLS in front of a server that speaks plain HTTP: OpenSSL's, run by `tests/python/tls_proxy.py`.

use std::{
    io::BufRead as _,
    process::{Child, Command},
    sync::{Arc, Mutex},
};

use super::{Authority, managed_server::attend, python, until};

pub(crate) struct TlsProxy {
    pub(crate) port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    child: Child,
}

impl TlsProxy {
    /// Starts before the server at `port`, with the options of the script. It shows a certificate for `localhost`.
    pub(crate) fn start(authority: &Authority, port: u16, options: &[&str]) -> Self {
        let mut command = Command::new(python::PYTHON);
        command
            .arg(format!("{}/tls_proxy.py", python::SCRIPTS))
            .args([authority.file("server.pem"), authority.file("server.key"), port.to_string()])
            .args(options);
        let (child, port, output) = attend(&mut command);
        let port = port.parse().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let to = lines.clone();
        std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(|line| to.lock().unwrap().push(line)));
        Self { port, lines, child }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The lines that begin with `open`, `refused` or `closed`, each without that word.
    pub(crate) fn said(&self, what: &str) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter_map(|line| Some(line.strip_prefix(what)?.trim_start().to_owned())).collect()
    }

    /// Waits for `count` of these lines.
    pub(crate) async fn says(&self, what: &str, count: usize) -> Vec<String> {
        until(&format!("{count} × {what}"), async || Some(self.said(what)).filter(|lines| lines.len() >= count)).await
    }
}

impl Drop for TlsProxy {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}
