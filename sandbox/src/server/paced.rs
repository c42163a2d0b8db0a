//! An answer's body that comes in pieces, and may stop before its end although its length was announced.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

/// A body in pieces.
pub(super) struct Paced {
    rest: Bytes,
    /// Bytes of one piece, and the pause before each piece but the first.
    piece: usize,
    pause: Duration,
    /// The connection fails when this many bytes are left.
    stop_at: Option<usize>,
    pausing: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    /// One byte at a time.
    pub(super) fn trickle(body: Bytes, pause: Duration) -> Self {
        Self { rest: body, piece: 1, pause, stop_at: None, pausing: None }
    }

    /// Half of the body, then the connection fails. The pause lets hyper flush the first half.
    pub(super) fn half(body: Bytes) -> Self {
        let (piece, left) = (body.len().div_ceil(2).max(1), body.len() / 2);
        Self { rest: body, piece, pause: Duration::from_millis(10), stop_at: Some(left), pausing: None }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if let Some(pausing) = &mut this.pausing {
            std::task::ready!(pausing.as_mut().poll(cx));
            this.pausing = None;
        }
        if this.stop_at.is_some_and(|left| this.rest.len() <= left) {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
        }
        if this.rest.is_empty() {
            return Poll::Ready(None);
        }
        let piece = this.rest.split_to(this.piece.min(this.rest.len()));
        if !this.rest.is_empty() || this.stop_at.is_some() {
            this.pausing = Some(Box::pin(tokio::time::sleep(this.pause)));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
