//! The admin listener: `/live`, `/ready` and `/metrics`.

use std::{io, net::SocketAddr};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;
use tracing::{error, info};

use super::{health::Health, metrics::Metrics};

/// Listens, and serves until the process ends. Returns the address, also where the port was 0.
pub async fn serve(listen: SocketAddr, metrics: Metrics, health: Health) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    info!(%address, "admin listener");
    let router = Router::new()
        .route("/live", get(|| async { "alive\n" }))
        .route("/ready", get(ready).with_state(health))
        .route("/metrics", get(render).with_state(metrics));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            error!(%error, "admin listener failed");
        }
    });
    Ok(address)
}

async fn ready(State(health): State<Health>) -> impl IntoResponse {
    let (ready, line) = health.ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, format!("{line}\n"))
}

async fn render(State(metrics): State<Metrics>) -> impl IntoResponse {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], metrics.render())
}
