//! Answers that are made and not sent yet: how many bytes of them the agent holds.
//!
//! A client that does not read what it asked for makes the agent hold it. So each answer over TCP,
//! and each part of a stream, takes room for its bytes as soon as it is made, and gives it back
//! when its last byte is gone or its connection has ended. Who shows a token has other room than
//! everybody: nobody without one can use up that of the others. The unix socket and other nodes
//! take none: they are trusted, and few.

use std::sync::Arc;

use api::{ErrorCode, Problem};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use model::limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Asker, Failure, Peer};

/// The room for answers that are not sent yet.
pub(crate) struct Unsent {
    everybody: Room,
    known: Room,
}

impl Default for Unsent {
    fn default() -> Self {
        Self {
            everybody: Room::new(limits::HTTP_UNSENT_BYTES_MAX),
            known: Room::new(limits::HTTP_UNSENT_KNOWN_BYTES_MAX),
        }
    }
}

impl Unsent {
    /// Gives the room that answers to a client take theirs from, if they need any.
    pub(super) fn room(&self, peer: Option<&Peer>, asker: &Asker) -> Option<Room> {
        match (peer, asker) {
            (Some(Peer::Unix { .. } | Peer::Node), _) => None,
            (Some(Peer::Tcp(_)) | None, Asker::Token(..)) => Some(self.known.clone()),
            (Some(Peer::Tcp(_)) | None, Asker::User(..) | Asker::Anybody) => {
                Some(self.everybody.clone())
            }
        }
    }
}

/// So many bytes of answers.
#[derive(Clone)]
pub(super) struct Room {
    left: Arc<Semaphore>,
    all: usize,
}

impl Room {
    fn new(all: usize) -> Self {
        Self {
            left: Arc::new(Semaphore::new(all)),
            all,
        }
    }

    /// Gives an answer the room that it needs until it is sent; what finds none is told so instead,
    /// and a stream breaks off, to be asked for again.
    pub(super) async fn hold(self, response: Response) -> Response {
        let (head, body) = response.into_parts();
        if body.size_hint().exact().is_none() {
            let held = body.into_data_stream().map(move |part| match part {
                Ok(part) => self.take(part).map_err(|problem| problem.to_string()),
                Err(error) => Err(error.to_string()),
            });
            return Response::from_parts(head, Body::from_stream(held));
        }
        let whole = match body.collect().await {
            Ok(whole) => whole.to_bytes(),
            Err(error) => {
                let message = format!("the answer broke off: {error}");
                return Failure(Problem::new(ErrorCode::Internal, message)).into_response();
            }
        };
        match self.take(whole) {
            Ok(held) => Response::from_parts(head, Body::from(held)),
            Err(problem) => Failure(problem).into_response(),
        }
    }

    /// Ties bytes to their room, which is free again when the last of them is gone.
    fn take(&self, bytes: Bytes) -> Result<Bytes, Problem> {
        let length = bytes.len();
        if length <= limits::HTTP_UNSENT_SMALL_BYTES {
            return Ok(bytes);
        }
        // A larger one than there is room at all goes alone.
        let wanted = u32::try_from(length.min(self.all)).unwrap_or(u32::MAX);
        match Arc::clone(&self.left).try_acquire_many_owned(wanted) {
            Ok(room) => Ok(Bytes::from_owner(Held { bytes, _room: room })),
            Err(_) => {
                let message = format!(
                    "there is no room for an answer of {length} bytes: {} MiB of answers wait for \
                     clients that do not read them",
                    self.all >> 20
                );
                let hint = "ask again in half a minute, with a token (opsbro token create), or \
                            with opsbro on the agent's machine";
                Err(Problem::new(ErrorCode::Unavailable, message).with_hint(hint))
            }
        }
    }
}

/// Bytes and the room that they take.
struct Held {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    const MIB: usize = 1 << 20;

    fn answer(length: usize) -> Response {
        vec![b'x'; length].into_response()
    }

    #[tokio::test]
    async fn answers_that_are_not_sent_share_so_many_bytes() {
        let unsent = Unsent::default();
        let tcp = Peer::Tcp(([127, 0, 0, 1], 1).into());
        let token = Asker::Token("3fa9".to_owned(), String::new());
        let room = || unsent.room(Some(&tcp), &Asker::Anybody).unwrap();
        let mut held = Vec::new();
        for _ in 0..limits::HTTP_UNSENT_BYTES_MAX / (4 * MIB) {
            let answer = room().hold(answer(4 * MIB)).await;
            assert_eq!(answer.status(), 200);
            held.push(answer);
        }
        let refused = room().hold(answer(4 * MIB)).await;
        assert_eq!(refused.status(), 503);
        // What is small, and who is known, is served all the same.
        assert_eq!(room().hold(answer(10_000)).await.status(), 200);
        let known = unsent.room(Some(&tcp), &token).unwrap();
        assert_eq!(known.hold(answer(4 * MIB)).await.status(), 200);
        assert!(unsent.room(Some(&Peer::Node), &Asker::Anybody).is_none());
        // The last byte gives the room back, not the end of the body.
        let body = held.pop().unwrap().into_body();
        let mut bytes = body.collect().await.unwrap().to_bytes();
        let last = bytes.split_off(4 * MIB - 1);
        drop(bytes);
        assert_eq!(room().hold(answer(4 * MIB)).await.status(), 503);
        drop(last);
        assert_eq!(room().hold(answer(4 * MIB)).await.status(), 200);
        // One that is larger than all of it goes when nothing else waits.
        drop(held);
        let whole = room().hold(answer(2 * limits::HTTP_UNSENT_BYTES_MAX)).await;
        assert_eq!(whole.status(), 200);
        assert_eq!(room().hold(answer(MIB)).await.status(), 503);
    }

    #[tokio::test]
    async fn a_stream_that_finds_no_room_breaks_off() {
        let room = Room::new(MIB);
        let parts = futures_util::stream::repeat_with(|| {
            Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'x'; MIB / 2]))
        });
        let streamed = room.hold(Body::from_stream(parts).into_response()).await;
        let mut parts = std::pin::pin!(streamed.into_body().into_data_stream());
        let first = parts.try_next().await.unwrap().unwrap();
        // What was sent is no burden.
        drop(parts.try_next().await.unwrap().unwrap());
        let second = parts.try_next().await.unwrap().unwrap();
        let error = parts.try_next().await.unwrap_err().to_string();
        assert!(error.contains("no room"), "{error}");
        drop((first, second));
    }
}
