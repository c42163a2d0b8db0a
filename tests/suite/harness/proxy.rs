//! A forward proxy as companies have one: `CONNECT`, requests in absolute form, and names that only it can resolve.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// It lives as long as the test's runtime.
pub(crate) struct Proxy {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Whatever it is asked for, it leads to this port of this machine; with `credentials` (`user:password`), only who
    /// shows them.
    pub(crate) async fn start(to: u16, credentials: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let wanted = credentials.map(|pair| format!("Basic {}", BASE64_STANDARD.encode(pair)));
        let log = asked.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, to, wanted.clone(), log.clone()));
            }
        });
        Self { url, asked }
    }

    /// The first request of each connection, as in `CONNECT sf.example.com:443`; after `407` where it was refused.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn pass(mut client: TcpStream, to: u16, wanted: Option<String>, log: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let text = String::from_utf8(head.clone()).ok()?;
    let request = text.lines().next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let shown = text.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization").then_some(value)
    });
    if wanted.is_some() && shown != wanted.as_deref() {
        log.lock().unwrap().push(format!("407 {request}"));
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\
            connection: close\r\n\r\n";
        return client.write_all(refusal.as_bytes()).await.ok();
    }
    log.lock().unwrap().push(request.clone());
    let mut server = TcpStream::connect(("127.0.0.1", to)).await.ok()?;
    if request.starts_with("CONNECT ") {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok()?;
    } else {
        server.write_all(&head).await.ok()?;
    }
    tokio::io::copy_bidirectional(&mut client, &mut server).await.ok()?;
    Some(())
}
