//! A request body that records whether its bytes were sent.
//!
//! The first frame that the HTTP client takes means *sent*: from then on the org may apply the call. The client cannot
//! say so itself (`is_timeout()` covers a connect as well as a lost answer). Invariant: after [`SendTracker::seal`] has
//! said that nothing was sent, nothing ever will be.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;

use crate::runtime::lease::WritePermit;

/// A whole frame at once would tell nothing about a body that is cut in the middle.
const FRAME: usize = 64 * 1024;

pub(crate) struct TrackedBody {
    rest: Bytes,
    tracker: SendTracker,
    /// The lease's permit, without which not one more byte is sent: half a call is not a call.
    write_permit: Option<WritePermit>,
}

/// The progress of a body's sending, seen from outside of the client.
#[derive(Debug, Clone)]
pub(crate) struct SendTracker(Arc<Mutex<Progress>>);

#[derive(Debug, Clone, Copy)]
enum Progress {
    Untouched,
    /// The request was given up: the client must not begin.
    Sealed,
    /// The lease was not held.
    Withheld,
    Begun,
}

/// The request was given up before its body was begun.
#[derive(Debug, thiserror::Error)]
#[error("the request was given up before it was sent")]
pub(crate) struct GivenUp;

impl TrackedBody {
    pub(crate) fn new(bytes: Bytes, write_permit: Option<WritePermit>) -> (Self, SendTracker) {
        let tracker = SendTracker(Arc::new(Mutex::new(Progress::Untouched)));
        (Self { rest: bytes, tracker: tracker.clone(), write_permit }, tracker)
    }
}

impl SendTracker {
    /// Says whether anything was sent; if not, nothing will be.
    pub(crate) fn seal(&self) -> bool {
        let mut progress = self.0.lock();
        if matches!(*progress, Progress::Untouched) {
            *progress = Progress::Sealed;
        }
        matches!(*progress, Progress::Begun)
    }

    fn withhold(&self) {
        let mut progress = self.0.lock();
        if matches!(*progress, Progress::Untouched) {
            *progress = Progress::Withheld;
        }
    }

    /// Whether nothing was sent since the lease was not held.
    pub(crate) fn is_withheld(&self) -> bool {
        matches!(*self.0.lock(), Progress::Withheld)
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if self.write_permit.as_ref().is_some_and(|permit| !permit.is_valid()) {
            self.tracker.withhold();
            return Poll::Ready(Some(Err(GivenUp)));
        }
        let length = self.rest.len().min(FRAME);
        let frame = self.rest.split_to(length);
        let mut progress = self.tracker.0.lock();
        if matches!(*progress, Progress::Sealed | Progress::Withheld) {
            return Poll::Ready(Some(Err(GivenUp)));
        }
        *progress = Progress::Begun;
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::runtime::lease::Lease;

    fn poll(body: &mut TrackedBody) -> Option<Result<usize, GivenUp>> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        match Pin::new(body).poll_frame(&mut context) {
            Poll::Ready(frame) => frame.map(|f| f.map(|f| f.into_data().map(|d| d.len()).unwrap_or_default())),
            Poll::Pending => panic!("the body never waits"),
        }
    }

    #[test]
    fn a_body_never_polled_was_not_sent_and_never_will_be() {
        let (mut body, tracker) = TrackedBody::new(Bytes::from_static(b"{}"), None);
        assert_eq!(body.size_hint().exact(), Some(2));
        assert!(!tracker.seal());
        assert!(matches!(poll(&mut body), Some(Err(GivenUp))));
        assert!(!tracker.seal());
    }

    #[test]
    fn a_body_counts_as_sent_from_its_first_frame() {
        let (mut body, tracker) = TrackedBody::new(Bytes::from(vec![b' '; FRAME + 1]), None);
        assert_eq!(poll(&mut body).unwrap().unwrap(), FRAME);
        assert!(tracker.seal());
        assert_eq!(poll(&mut body).unwrap().unwrap(), 1);
        assert!(body.is_end_stream() && poll(&mut body).is_none() && tracker.seal());
    }

    #[test]
    fn a_body_sends_no_byte_without_the_lease() {
        let lease = Lease::new(Duration::from_secs(10));
        let (mut body, tracker) = TrackedBody::new(Bytes::from(vec![b' '; FRAME + 1]), Some(lease.permit()));
        lease.renew(tokio::time::Instant::now());
        assert_eq!(poll(&mut body).unwrap().unwrap(), FRAME);
        lease.lapse();
        assert!(matches!(poll(&mut body), Some(Err(GivenUp))));
        assert!(tracker.seal(), "some bytes had left");
        let (mut body, tracker) = TrackedBody::new(Bytes::from_static(b"{}"), Some(lease.permit()));
        assert!(matches!(poll(&mut body), Some(Err(GivenUp))));
        lease.renew(tokio::time::Instant::now());
        assert!(!tracker.seal() && matches!(poll(&mut body), Some(Err(GivenUp))), "what was given up stays so");
    }
}
