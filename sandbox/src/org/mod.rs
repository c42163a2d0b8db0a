//! The org: a server on a loopback port, and its state.

mod answer;
mod clock;
mod counters;
mod execute;
mod inner;
pub(crate) mod inspect;
mod locks;
mod outside;

use std::{io, net::SocketAddr, sync::Arc};

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) use answer::{Outcome, answer};
pub use counters::Calls;
pub(crate) use inner::Inner;

use crate::{
    http::{Wire, WireListener, receive},
    schema::{Schema, SchemaSource},
    settings::Settings,
};

/// How an org is started.
#[derive(Debug, Clone, Default)]
pub struct OrgOptions {
    /// 0 takes a free port.
    pub port: u16,
    pub schema: SchemaSource,
    pub settings: Settings,
}

/// A running org; dropping it stops it.
#[derive(Debug)]
pub struct Org {
    inner: Arc<Inner>,
    addr: SocketAddr,
    server: Option<tokio::task::JoinHandle<()>>,
    stop: DropGuard,
}

impl Org {
    /// Listens on 127.0.0.1. An unreadable schema is an error of kind `InvalidData`, and so are
    /// settings that name what it has not.
    pub async fn start(options: OrgOptions) -> io::Result<Self> {
        let schema = Schema::load(&options.schema)?;
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
        let addr = listener.local_addr()?;
        let stop = CancellationToken::new();
        let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let inner = Inner::new(format!("http://{addr}"), schema, options.settings).map_err(invalid)?;
        let inner = Arc::new(inner);
        let router = Router::new().fallback(receive).with_state(Arc::clone(&inner));
        let service = router.into_make_service_with_connect_info::<Wire>();
        let serve = axum::serve(WireListener::new(listener, stop.clone()), service);
        let stopped = stop.clone();
        let server = tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                result = serve => if let Err(error) = result {
                    tracing::error!(%error, "the org's listener failed");
                },
            }
        });
        Ok(Self { inner, addr, server: Some(server), stop: stop.drop_guard() })
    }

    /// `http://127.0.0.1:{port}`: login host, audience and instance at once.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Closes the port and all connections, without waiting for calls.
    pub async fn shutdown(mut self) {
        let server = self.server.take();
        drop(self.stop);
        if let Some(Err(error)) = match server {
            Some(server) => Some(server.await),
            None => None,
        } {
            tracing::error!(%error, "the org's listener failed");
        }
    }
}
