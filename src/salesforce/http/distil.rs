//! Answers that are long, and of which little is kept: what is kept is made while they arrive, so that none is ever in
//! memory as a whole.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::record::Cause;

/// A reader that makes a short answer of a long one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Distil {
    /// Reads the answer to its end; an error says how it does not fit its request.
    pub(crate) make: fn(&mut dyn io::Read) -> Result<Vec<u8>, Cause>,
    /// The largest answer that is read, in bytes.
    pub(crate) most: usize,
}

/// The body of an answer, as it arrives.
#[derive(Debug)]
pub(crate) enum Body {
    Whole(BytesMut),
    Distilled { chunks: mpsc::Sender<Bytes>, made: JoinHandle<Result<Vec<u8>, Cause>> },
}

impl Body {
    pub(crate) fn new(distil: Option<Distil>) -> Self {
        let Some(Distil { make, .. }) = distil else { return Self::Whole(BytesMut::new()) };
        let (chunks, from) = mpsc::channel(1);
        // A parser reads where it stands, and waits there: in a thread of its own.
        let made = tokio::task::spawn_blocking(move || make(&mut Chunks { from, rest: Bytes::new() }));
        Self::Distilled { chunks, made }
    }

    pub(crate) async fn push(&mut self, chunk: Bytes) {
        match self {
            Self::Whole(body) => body.extend_from_slice(&chunk),
            // A parser that has ended early has found something that does not fit, and says so at the end.
            Self::Distilled { chunks, .. } => drop(chunks.send(chunk).await),
        }
    }

    pub(crate) async fn end(self) -> Result<Bytes, Cause> {
        match self {
            Self::Whole(body) => Ok(body.freeze()),
            Self::Distilled { chunks, made } => {
                drop(chunks);
                let made = made.await.unwrap_or_else(|_| Err(Cause::new("the org's answer cannot be read")));
                made.map(Into::into)
            }
        }
    }
}

struct Chunks {
    from: mpsc::Receiver<Bytes>,
    rest: Bytes,
}

impl io::Read for Chunks {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.from.blocking_recv() {
                Some(chunk) => self.rest = chunk,
                None => return Ok(0),
            }
        }
        let length = to.len().min(self.rest.len());
        self.rest.copy_to_slice(&mut to[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body(distil: Option<Distil>, chunks: &[&'static str]) -> Result<Bytes, Cause> {
        let mut body = Body::new(distil);
        for chunk in chunks {
            body.push(Bytes::from_static(chunk.as_bytes())).await;
        }
        body.end().await
    }

    #[tokio::test]
    async fn an_answer_is_made_short_chunk_by_chunk() {
        let make = |from: &mut dyn io::Read| {
            let mut kept = Vec::new();
            from.read_to_end(&mut kept).map_err(|error| Cause::new(error.to_string()))?;
            kept.retain(u8::is_ascii_digit);
            Ok(kept)
        };
        let digits = Distil { make, most: 100 };
        assert_eq!(body(Some(digits), &["a1b", "", "22", "c3"]).await.unwrap(), "1223");
        assert_eq!(body(None, &["a1b", "22"]).await.unwrap(), "a1b22");
    }

    #[tokio::test]
    async fn a_reader_that_ends_early_takes_nothing_more_and_says_why() {
        let make = |_: &mut dyn io::Read| Err(Cause::new("no"));
        let refuses = Distil { make, most: 100 };
        assert_eq!(body(Some(refuses), &["a"; 100]).await, Err(Cause::new("no")));
    }
}
