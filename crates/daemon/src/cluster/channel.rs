//! A stream between two nodes: bytes of a socket in and out of the sealed channel of `gossip`.

use std::collections::VecDeque;
use std::io;

use gossip::CallError;
use gossip::seal::Rings;
use gossip::stream::{Answerer, Caller, Channel, Proof, Step};
use model::{WallTime, Zone};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes that are read at once.
const READ_BYTES: usize = 8 << 10;

/// A stream whose ends have proved themselves.
pub(crate) struct Link<S> {
    stream: S,
    channel: Channel,
    /// Messages that came and were not asked for yet.
    waiting: VecDeque<Vec<u8>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// Makes the end that called. `wire` is what came behind the answer to the upgrade.
    pub(super) async fn call(
        mut stream: S,
        own: &Zone,
        rings: &Rings,
        zones: &[Zone],
        wire: Vec<u8>,
        wall: WallTime,
    ) -> Result<(Self, Proof), CallError> {
        let (mut caller, first) = Caller::new(own, rings, zones, wall);
        write(&mut stream, &first).await?;
        let mut input = wire;
        loop {
            if input.is_empty() {
                input = read(&mut stream).await?;
            }
            let step = caller.advance(&std::mem::take(&mut input))?;
            if let Some(made) = Self::step(&mut stream, step).await? {
                return Ok(made.into_link(stream));
            }
        }
    }

    /// Makes the end that was called.
    pub(super) async fn answer(
        mut stream: S,
        own: &Zone,
        rings: &Rings,
        wall: WallTime,
    ) -> Result<(Self, Proof), CallError> {
        let mut answerer = Answerer::new(own, rings, wall);
        loop {
            let input = read(&mut stream).await?;
            let step = match answerer.advance(&input) {
                Ok(step) => step,
                Err(error) => {
                    // Who called learns why; when he is gone, nobody has to.
                    let _ = write(&mut stream, &answerer.farewell()).await;
                    return Err(error.into());
                }
            };
            if let Some(made) = Self::step(&mut stream, step).await? {
                return Ok(made.into_link(stream));
            }
        }
    }

    async fn step(stream: &mut S, step: Step) -> Result<Option<Made>, CallError> {
        match step {
            Step::Wait { send } => {
                write(stream, &send).await?;
                Ok(None)
            }
            Step::Done {
                send,
                mut channel,
                proof,
                rest,
            } => {
                write(stream, &send).await?;
                let waiting = channel.open(&rest).map_err(closed)?.into();
                Ok(Some(Made {
                    channel,
                    waiting,
                    proof,
                }))
            }
        }
    }

    /// Sends a message.
    pub(crate) async fn send(&mut self, message: &[u8]) -> Result<(), CallError> {
        let sealed = self.channel.seal(message).map_err(closed)?;
        write(&mut self.stream, &sealed).await
    }

    /// Waits for the next message; none when the other end closed in between.
    pub(crate) async fn receive(&mut self) -> Result<Option<Vec<u8>>, CallError> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(Some(message));
            }
            let bytes = self.stream.read(&mut buffer).await.map_err(closed)?;
            if bytes == 0 {
                return match self.channel.is_between() {
                    true => Ok(None),
                    false => Err(CallError::Closed("in the middle of a message".to_owned())),
                };
            }
            let came = self.channel.open(&buffer[..bytes]).map_err(closed)?;
            self.waiting.extend(came);
        }
    }
}

impl Link<TcpStream> {
    /// Tells whether the stream is open and nothing came on it that nobody asked for.
    pub(crate) fn is_quiet(&self) -> bool {
        let looked = self.stream.try_read(&mut [0]);
        let is_open = looked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        is_open && self.waiting.is_empty() && self.channel.is_between()
    }
}

/// What a handshake made.
struct Made {
    channel: Channel,
    waiting: VecDeque<Vec<u8>>,
    proof: Proof,
}

impl Made {
    fn into_link<S>(self, stream: S) -> (Link<S>, Proof) {
        let link = Link {
            stream,
            channel: self.channel,
            waiting: self.waiting,
        };
        (link, self.proof)
    }
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), CallError> {
    if bytes.is_empty() {
        return Ok(());
    }
    let written = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    written.await.map_err(closed)
}

/// Reads what came in a handshake, which does not end by a close.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, CallError> {
    let mut buffer = vec![0; READ_BYTES];
    match stream.read(&mut buffer).await.map_err(closed)? {
        0 => Err(closed(io::Error::from(io::ErrorKind::UnexpectedEof))),
        bytes => {
            buffer.truncate(bytes);
            Ok(buffer)
        }
    }
}

fn closed(error: impl std::fmt::Display) -> CallError {
    CallError::Closed(error.to_string())
}

#[cfg(test)]
mod tests {
    use gossip::seal::{Key, Ring};
    use model::limits::STREAM_MESSAGE_BYTES_MAX;

    use super::*;

    fn zone() -> Zone {
        Zone::parse("internet").unwrap()
    }

    fn rings(byte: u8) -> Rings {
        [(zone(), Ring::of_file(Key::from_random([byte; 32])))].into()
    }

    /// Lets two ends meet, and gives what each made of it.
    async fn meet(
        one: Rings,
        other: Rings,
    ) -> (
        Result<(Link<tokio::io::DuplexStream>, Proof), CallError>,
        Result<(Link<tokio::io::DuplexStream>, Proof), CallError>,
    ) {
        let (near, far) = tokio::io::duplex(1_000);
        let (zone, wall) = (zone(), WallTime::default());
        let zones = [zone.clone()];
        tokio::join!(
            Link::call(near, &zone, &one, &zones, Vec::new(), wall),
            Link::answer(far, &zone, &other, wall)
        )
    }

    #[tokio::test]
    async fn messages_of_any_length_arrive_whole() {
        let (near, far) = meet(rings(1), rings(1)).await;
        let ((mut near, proof), (mut far, _)) = (near.unwrap(), far.unwrap());
        assert_eq!(proof.zone, Some(zone()));
        for length in [0, 1, 70_000, STREAM_MESSAGE_BYTES_MAX] {
            let message = vec![7; length];
            let (sent, received) = tokio::join!(near.send(&message), far.receive());
            sent.unwrap();
            assert_eq!(received.unwrap().unwrap(), message);
        }
        let sent = near.send(&vec![7; STREAM_MESSAGE_BYTES_MAX + 1]).await;
        assert!(matches!(sent, Err(CallError::Closed(_))));
        drop(near);
        assert_eq!(far.receive().await, Ok(None));
    }

    #[tokio::test]
    async fn an_end_without_the_key_is_told_so() {
        let (near, far) = meet(rings(1), rings(2)).await;
        assert_eq!(near.err(), Some(CallError::NoCommonKey));
        assert!(far.is_err());
        let (near, _) = meet(Rings::new(), rings(2)).await;
        let told = near.err().unwrap().to_string();
        assert!(told.contains("sealed"), "{told}");
    }

    #[tokio::test]
    async fn junk_ends_the_stream() {
        let (mut near, far) = tokio::io::duplex(1_000);
        near.write_all(&[0xff; 900]).await.unwrap();
        let answered = Link::answer(far, &zone(), &rings(1), WallTime::default()).await;
        assert!(answered.is_err());
    }
}
