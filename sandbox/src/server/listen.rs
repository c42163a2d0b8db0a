use std::{io, net::SocketAddr, ops::Deref, sync::Arc};

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    connection::{Connection, ConnectionListener},
    receive::receive,
};
use crate::{
    org::Org,
    schema::{Schema, SchemaSource},
    settings::Settings,
};

/// How a server and its org are started.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// 0 takes a free port.
    pub port: u16,
    pub schema: SchemaSource,
    pub settings: Settings,
}

/// A running server and its org; dropping it stops it. It derefs to its [`Org`].
#[derive(Debug)]
pub struct Server {
    org: Arc<Org>,
    addr: SocketAddr,
    task: Option<tokio::task::JoinHandle<()>>,
    stop: DropGuard,
}

impl Server {
    /// Makes an org and listens on 127.0.0.1. An unreadable schema is an error of kind `InvalidData`, and so are
    /// settings that name what the schema does not have.
    pub async fn start(options: ServerOptions) -> io::Result<Self> {
        let schema = Schema::load(&options.schema)?;
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
        let addr = listener.local_addr()?;
        let stop = CancellationToken::new();
        let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let org = Arc::new(Org::new(format!("http://{addr}"), schema, options.settings).map_err(invalid)?);
        let router = Router::new().fallback(receive).with_state(Arc::clone(&org));
        let service = router.into_make_service_with_connect_info::<Connection>();
        let serve = axum::serve(ConnectionListener::new(listener, stop.clone()), service);
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                result = serve => if let Err(error) = result {
                    tracing::error!(%error, "the org's listener failed");
                },
            }
        });
        Ok(Self { org, addr, task: Some(task), stop: stop.drop_guard() })
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Closes the port and all connections, without waiting for calls.
    pub async fn shutdown(mut self) {
        let task = self.task.take();
        drop(self.stop);
        if let Some(Err(error)) = match task {
            Some(task) => Some(task.await),
            None => None,
        } {
            tracing::error!(%error, "the org's listener failed");
        }
    }
}

impl Deref for Server {
    type Target = Org;

    fn deref(&self) -> &Org {
        &self.org
    }
}
