//! How openraft reaches the other voters: through a [`Transport`] that carries bytes.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use model::limits::RAFT_PART_BYTES_MAX;
use openraft::error::{
    Fatal, NetworkError, RPCError, RaftError, ReplicationClosed, StreamingError, Unreachable,
};
use openraft::impls::EmptyNode;
use openraft::network::{Backoff, RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::storage::Snapshot;
use tokio::task::JoinHandle;

use crate::config::{Content, Types};
use crate::log::{LogStore, Mark};
use crate::machine::Machine;
use crate::message::{self, Call, Reply, Vote};
use crate::words::{Value, Voter};

/// Why a call had no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It never arrived: it may be made again, also elsewhere.
    #[error("{0}")]
    NotSent(String),
    /// It may have arrived.
    #[error("{0}")]
    NoAnswer(String),
}

/// The answer of another node, to come.
pub type Calling<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, CallError>> + Send + 'a>>;

/// What a message is for: who carries them keeps the lanes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Between voters: the leader lives by it.
    Log,
    /// For clients: there may be many, and they may wait.
    Clients,
}

/// Carries messages between nodes: one question, one answer.
pub trait Transport: Send + Sync + 'static {
    /// Asks a node; what takes longer than the time box has no answer.
    fn call(&self, to: Voter, lane: Lane, message: Vec<u8>, time_box: Duration) -> Calling<'_>;

    /// Names nodes that may take part in agreement, the likeliest leader first.
    fn voters(&self) -> Vec<Voter>;
}

/// Makes the links of a node.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) transport: Arc<dyn Transport>,
    /// Knows the group in whose name messages are sent.
    pub(crate) machine: Machine,
    /// Knows what is durable here.
    pub(crate) log: LogStore,
}

/// The way to one voter.
pub(crate) struct Link {
    to: Voter,
    transport: Arc<dyn Transport>,
    machine: Machine,
    log: LogStore,
    sending: Option<Sending>,
}

/// Entries on their way. openraft waits for their answer no longer than one heartbeat, and then
/// asks for the same again; large ones on a slow way or to a slow disk take longer than that.
struct Sending {
    /// The vote, the entry before them, and the last of them.
    what: (Vote, Option<LogId>, LogId),
    answer: JoinHandle<Result<Reply, CallError>>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({})", self.to)
    }
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Link;

    async fn new_client(&mut self, target: Voter, _node: &EmptyNode) -> Link {
        Link {
            to: target,
            transport: Arc::clone(&self.transport),
            machine: self.machine.clone(),
            log: self.log.clone(),
            sending: None,
        }
    }
}

type LogId = openraft::LogId<Voter>;
type RpcError = RPCError<Voter, EmptyNode, RaftError<Voter>>;
type SendError = StreamingError<Types, Fatal<Voter>>;

impl Link {
    async fn call(&self, call: &Call, time_box: Duration) -> Result<Reply, CallError> {
        let transport = Arc::clone(&self.transport);
        let letter = message::letter(self.machine.group(), call);
        ask(transport, self.to, letter, time_box).await
    }

    /// Sends entries, or goes on to wait for the answer when the same ones are under way.
    async fn send_entries(&mut self, rpc: AppendEntriesRequest<Types>) -> Result<Reply, CallError> {
        // What it says is agreed is applied there, so it must be durable here.
        let agreed = self.log.reach(self.log.mark(rpc.leader_commit)).await;
        agreed.map_err(|error| CallError::NotSent(error.text))?;
        let Some(last) = rpc.entries.last().map(|entry| entry.log_id) else {
            let mark = self.log.mark(rpc.prev_log_id);
            let reply = self.call(&Call::Append(rpc), ENTRIES_TIME).await?;
            return when_durable(&self.log, mark, reply).await;
        };
        let what = (rpc.vote, rpc.prev_log_id, last);
        let sending = match self.sending.take() {
            Some(sending) if sending.what == what => sending,
            Some(_) | None => {
                let transport = Arc::clone(&self.transport);
                let message = message::letter(self.machine.group(), &Call::Append(rpc));
                let (log, to) = (self.log.clone(), self.to);
                let mark = log.mark(Some(last));
                let answer = tokio::spawn(async move {
                    let reply = ask(transport, to, message, ENTRIES_TIME).await?;
                    when_durable(&log, mark, reply).await
                });
                Sending { what, answer }
            }
        };
        let sending = self.sending.insert(sending);
        let answer = (&mut sending.answer).await;
        self.sending = None;
        answer.unwrap_or_else(|_| Err(CallError::NoAnswer("the call ended early".to_owned())))
    }

    /// Sends what the other node lacks of a snapshot, and has it taken in.
    async fn send(
        &self,
        vote: Vote,
        snapshot: Snapshot<Types>,
        time_box: Duration,
    ) -> Result<SnapshotResponse<Voter>, SendError> {
        let meta = snapshot.meta;
        let Content::Image(image) = snapshot.snapshot.0 else {
            return Err(streaming(&strange()));
        };
        // An empty part asks how much of it came before the way was cut.
        let (mut offset, mut part) = (0, Vec::new());
        loop {
            let call = Call::Part {
                vote,
                meta: meta.clone(),
                offset,
                part: Value::new(&part),
            };
            let (their_vote, have) = match self.call(&call, time_box).await {
                Ok(Reply::Part { vote, have }) => (vote, have),
                Ok(_) => return Err(streaming(&strange())),
                Err(error) => return Err(streaming(&error)),
            };
            if their_vote > vote {
                return Ok(SnapshotResponse::new(their_vote));
            }
            if have >= image.bytes() {
                break;
            }
            offset = have;
            // A megabyte that was just written is read from memory.
            part = image
                .part(offset, RAFT_PART_BYTES_MAX)
                .map_err(|error| streaming(&error))?;
        }
        // To read and to sync a large one takes longer than a part.
        match self
            .call(&Call::Install { vote, meta }, time_box * 10)
            .await
        {
            Ok(Reply::Installed(vote)) => Ok(SnapshotResponse::new(vote)),
            Ok(_) => Err(streaming(&strange())),
            Err(error) => Err(streaming(&error)),
        }
    }
}

impl RaftNetwork<Types> for Link {
    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<Voter>, RpcError> {
        match self.send_entries(rpc).await {
            Ok(Reply::Append(response)) => Ok(response),
            Ok(_) => Err(unreachable(&strange())),
            Err(error) => Err(unreachable(&error)),
        }
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Voter>,
        option: RPCOption,
    ) -> Result<VoteResponse<Voter>, RpcError> {
        match self.call(&Call::Vote(rpc), option.hard_ttl()).await {
            Ok(Reply::Vote(response)) => Ok(response),
            Ok(_) => Err(unreachable(&strange())),
            Err(error) => Err(unreachable(&error)),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot<Types>,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Voter>, SendError> {
        let mut cancel = pin!(cancel);
        tokio::select! {
            closed = &mut cancel => Err(StreamingError::Closed(closed)),
            sent = async {
                let sent = self.send(vote, snapshot, option.hard_ttl().max(PART_TIME)).await;
                if sent.is_err() {
                    // openraft tries again at once; who refuses now refuses in a millisecond, too.
                    tokio::time::sleep(SNAPSHOT_PAUSE).await;
                }
                sent
            } => sent,
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(Duration::from_millis(100)))
    }
}

/// Asks a node one thing within a time box.
async fn ask(
    transport: Arc<dyn Transport>,
    to: Voter,
    message: Vec<u8>,
    time_box: Duration,
) -> Result<Reply, CallError> {
    let called = transport.call(to, Lane::Log, message, time_box);
    let answer = match tokio::time::timeout(time_box, called).await {
        Ok(answer) => answer?,
        Err(_) => {
            let text = format!("{to} gave no answer in {time_box:?}");
            return Err(CallError::NoAnswer(text));
        }
    };
    message::decode(&answer).map_err(CallError::NoAnswer)
}

/// Keeps it back that another node has entries until the disk of this one has them, too: openraft
/// counts this node among those that have them from the moment they were handed in.
async fn when_durable(log: &LogStore, mark: Mark, reply: Reply) -> Result<Reply, CallError> {
    let has_them = matches!(
        reply,
        Reply::Append(AppendEntriesResponse::Success | AppendEntriesResponse::PartialSuccess(_))
    );
    if !has_them {
        return Ok(reply);
    }
    let no_answer = |text: &str| Err(CallError::NoAnswer(text.to_owned()));
    match tokio::time::timeout(ENTRIES_TIME, log.reach(mark)).await {
        Ok(Ok(true)) => Ok(reply),
        Ok(Ok(false)) => no_answer("these entries were taken back"),
        Ok(Err(error)) => no_answer(&error.text),
        Err(_) => no_answer("the disk of this node takes too long"),
    }
}

/// Time box of entries: what a full message takes on a slow way, synced by a slow disk.
const ENTRIES_TIME: Duration = Duration::from_secs(3);
/// Time between two tries to send a snapshot.
const SNAPSHOT_PAUSE: Duration = Duration::from_millis(300);
/// Time box of one part of a snapshot.
const PART_TIME: Duration = Duration::from_secs(5);

fn strange() -> CallError {
    CallError::NoAnswer("an answer to another question, or a refusal".to_owned())
}

fn unreachable(error: &CallError) -> RpcError {
    RPCError::Unreachable(Unreachable::new(error))
}

fn streaming<E: std::error::Error + 'static>(error: &E) -> SendError {
    StreamingError::Network(NetworkError::new(error))
}
