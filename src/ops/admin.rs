//! The admin listener: `/live`, `/ready`, `/status` and `/metrics`. It reads no body, and no secret is within its
//! reach.

use std::{io, net::SocketAddr};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;
use tracing::{error, info};

use super::{health::State as Running, status::StatusProvider};

/// Listens, and serves until the process ends. Returns the address, also where the port was 0.
pub async fn serve(listen: SocketAddr, provider: StatusProvider) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    info!(event = "admin_listening", %address, "admin listener started");
    let router = Router::new()
        .route("/live", get(|| async { "alive\n" }))
        .route("/ready", get(ready))
        .route("/status", get(status))
        .route("/metrics", get(render))
        .with_state(provider);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            error!(event = "admin_listener_failed", %error, "admin listener failed: no /live, /ready, /status and /metrics until a restart");
        }
    });
    Ok(address)
}

/// Answers 200 while records are written; the body has the state and the dependencies that are waited for, either way.
async fn ready(State(provider): State<StatusProvider>) -> impl IntoResponse {
    let snapshot = provider.health.snapshot();
    let is_ready = snapshot.state == Running::Running;
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, format!("{snapshot}\n"))
}

async fn status(State(provider): State<StatusProvider>) -> impl IntoResponse {
    Json(provider.status())
}

async fn render(State(provider): State<StatusProvider>) -> impl IntoResponse {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], provider.metrics.render())
}
