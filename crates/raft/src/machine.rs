//! The agreed state as openraft asks for it: applying entries, writing and taking in snapshots.
//!
//! Readers look at the state under a lock that is held for moments, and never while waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use model::limits::RAFT_ITEM_BYTES_MAX;
use openraft::impls::EmptyNode;
use openraft::storage::{RaftStateMachine, Snapshot};
use openraft::{AnyError, EntryPayload, RaftSnapshotBuilder, StorageError, StorageIOError};
use tokio::sync::watch;

use crate::command::Batch;
use crate::config::{Answers, Content, Parcel, Types};
use crate::disk::{Disk, DiskError, Image, off_reactor};
use crate::image::Item;
use crate::log::{LogStore, any};
use crate::news::tell_new;
use crate::state::State;
use crate::words::{Clock, GroupId, Revision, Voter};

type LogId = openraft::LogId<Voter>;
type Meta = openraft::SnapshotMeta<Voter, EmptyNode>;
type Membership = openraft::StoredMembership<Voter, EmptyNode>;

/// The state and how far it follows the log.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub(crate) state: State,
    pub(crate) last: Option<LogId>,
    membership: Membership,
}

/// The state of one node, for openraft and for readers.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    disk: Arc<dyn Disk>,
    applied: Arc<RwLock<Applied>>,
    /// The revision, told after each entry.
    changed: watch::Sender<Revision>,
    /// When something ends by itself, told when that changes.
    expiry: watch::Sender<Option<Clock>>,
    /// Remembers the group that this node is in.
    log: LogStore,
    snapshot: Arc<Mutex<Option<Written>>>,
}

/// A snapshot on disk.
type Written = (Meta, Arc<dyn Image>);

impl Machine {
    /// Loads the newest snapshot.
    pub(crate) async fn open(disk: Arc<dyn Disk>, log: LogStore) -> Result<Self, DiskError> {
        let loaded = off_reactor(&disk, |disk| {
            let Some(image) = disk.image()? else {
                return Ok(None);
            };
            let (meta, state) = load(image.reader()).map_err(unreadable)?;
            Ok(Some((meta, image, state)))
        })
        .await?;
        let machine = Self {
            disk,
            applied: Arc::default(),
            changed: watch::Sender::new(Revision::NONE),
            expiry: watch::Sender::default(),
            log,
            snapshot: Arc::default(),
        };
        if let Some((meta, image, state)) = loaded {
            machine.put(&meta, image, state);
        }
        Ok(machine)
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Applied> {
        self.applied.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the revision whenever an entry was applied.
    pub(crate) fn watch(&self) -> watch::Receiver<Revision> {
        self.changed.subscribe()
    }

    /// Tells when something ends by itself, whenever that changes.
    pub(crate) fn watch_expiry(&self) -> watch::Receiver<Option<Clock>> {
        self.expiry.subscribe()
    }

    /// Tells those who watch what an entry or a snapshot changed.
    fn tell(&self, revision: Revision, next: Option<Clock>) {
        self.changed.send_replace(revision);
        tell_new(&self.expiry, next);
    }

    /// Gives the group that this node is in. Nobody waits for the state here.
    pub(crate) fn group(&self) -> Option<GroupId> {
        self.log.group()
    }

    /// Takes note of the group that the state says. A log that begins anew says none at first, and
    /// is of the same group.
    async fn keep_group(&self) -> Result<(), DiskError> {
        let group = self.read().state.group();
        match group {
            Some((group, _)) => self.log.set_group(Some(group)).await,
            None => Ok(()),
        }
    }

    /// Tells the size of the newest snapshot.
    pub(crate) fn snapshot_bytes(&self) -> u64 {
        let snapshot = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        snapshot.as_ref().map_or(0, |(_, image)| image.bytes())
    }

    /// Makes this the state of a new group of one node, as of an entry that nobody wrote; gives
    /// what its snapshot is made of.
    pub(crate) fn refound(&self, last: LogId, me: Voter, group: GroupId) -> (Meta, State) {
        let voters = vec![BTreeSet::from([me])];
        let nodes = BTreeMap::from([(me, EmptyNode::new())]);
        let mut applied = self.write();
        applied.state.refound(group);
        applied.last = Some(last);
        applied.membership = Membership::new(Some(last), openraft::Membership::new(voters, nodes));
        (meta_of(&applied), applied.state.frozen())
    }

    /// Names those whose majority decides, as of the last entry that was applied.
    pub(crate) fn voters(&self) -> Vec<Voter> {
        self.read().membership.membership().voter_ids().collect()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Applied> {
        self.applied.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, meta: &Meta, image: Arc<dyn Image>, state: State) {
        let (revision, next) = (state.revision(), state.next_expiry());
        *self.write() = Applied {
            state,
            last: meta.last_log_id,
            membership: meta.last_membership.clone(),
        };
        self.keep(meta, image);
        self.tell(revision, next);
    }

    fn keep(&self, meta: &Meta, image: Arc<dyn Image>) {
        let mut snapshot = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        *snapshot = Some((meta.clone(), image));
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership), StorageError<Voter>> {
        let applied = self.read();
        Ok((applied.last, applied.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Answers>, StorageError<Voter>>
    where
        I: IntoIterator<Item = openraft::Entry<Types>> + Send,
        I::IntoIter: Send,
    {
        let entries: Vec<_> = entries.into_iter().collect();
        if let Some(last) = entries.last().map(|entry| entry.log_id) {
            // Who decides alone has agreed with itself before its disk has them.
            let durable = self.log.reach(self.log.mark(Some(last))).await;
            durable.map_err(|error| StorageIOError::apply(last, any(&error)))?;
        }
        let mut all = Vec::new();
        let (revision, next) = {
            let mut applied = self.write();
            for entry in entries {
                let log_id = entry.log_id;
                let mut answers = Answers::default();
                match entry.payload {
                    EntryPayload::Blank => {}
                    EntryPayload::Normal(proposal) => {
                        let batch = Batch::decode(&proposal.batch).map_err(|text| {
                            let error = AnyError::error(text);
                            StorageError::from(StorageIOError::apply(log_id, error))
                        })?;
                        answers.0 = applied.state.apply(log_id.leader_id.term, &batch);
                    }
                    EntryPayload::Membership(membership) => {
                        applied.membership = Membership::new(Some(log_id), membership);
                    }
                }
                applied.last = Some(log_id);
                all.push(answers);
            }
            (applied.state.revision(), applied.state.next_expiry())
        };
        let kept = self.keep_group().await;
        kept.map_err(|error| StorageIOError::write_vote(any(&error)))?;
        self.tell(revision, next);
        Ok(all)
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Parcel>, StorageError<Voter>> {
        // What comes in parts is gathered by the disk: see `snapshot`.
        Ok(Box::new(Parcel(Content::Nothing)))
    }

    async fn install_snapshot(
        &mut self,
        meta: &Meta,
        snapshot: Box<Parcel>,
    ) -> Result<(), StorageError<Voter>> {
        let loaded = off_reactor(&self.disk, move |disk| {
            let (image, reader) = match snapshot.0 {
                Content::Image(image) => (Ok(Arc::clone(&image)), image.reader()),
                Content::Arrived(arrived) => {
                    let reader = arrived.reader()?;
                    (Err(arrived), reader)
                }
                Content::Nothing => return Err(unreadable(io::Error::other("it is absent"))),
            };
            // It is read as a whole before it takes the place of what is there.
            let (_, state) = load(reader).map_err(unreadable)?;
            let image = match image {
                Ok(image) => image,
                Err(arrived) => disk.accept_image(arrived)?,
            };
            Ok((image, state))
        });
        let (image, state) = loaded
            .await
            .map_err(|error| StorageIOError::read_snapshot(Some(meta.signature()), any(&error)))?;
        self.put(meta, image, state);
        let kept = self.keep_group().await;
        kept.map_err(|error| StorageIOError::write_vote(any(&error)).into())
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<Snapshot<Types>>, StorageError<Voter>> {
        let snapshot = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        let (meta, image) = match snapshot.as_ref() {
            None => return Ok(None),
            Some((meta, image)) => (meta.clone(), Arc::clone(image)),
        };
        Ok(Some(Snapshot {
            meta,
            snapshot: Box::new(Parcel(Content::Image(image))),
        }))
    }
}

impl RaftSnapshotBuilder<Types> for Machine {
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>, StorageError<Voter>> {
        let machine = self.clone();
        let built = off_reactor(&self.disk, move |disk| {
            // Names and values are shared, so the copy is small and made in a moment: entries and
            // heartbeats wait for it, and not for the disk.
            let (meta, frozen) = {
                let applied = machine.read();
                (meta_of(&applied), applied.state.frozen())
            };
            let image = disk.write_image(&mut |out| save(&meta, &frozen, out))?;
            Ok((meta, image))
        });
        let (meta, image) = built
            .await
            .map_err(|error| StorageIOError::write_snapshot(None, any(&error)))?;
        self.keep(&meta, Arc::clone(&image));
        Ok(Snapshot {
            meta,
            snapshot: Box::new(Parcel(Content::Image(image))),
        })
    }
}

fn meta_of(applied: &Applied) -> Meta {
    let id = applied
        .last
        .map_or_else(String::new, |last| last.to_string());
    Meta {
        last_log_id: applied.last,
        last_membership: applied.membership.clone(),
        snapshot_id: id,
    }
}

/// Writes a snapshot: what openraft says of it, then the items of the state, each with its length.
pub(crate) fn save(meta: &Meta, state: &State, out: &mut dyn Write) -> io::Result<()> {
    let meta = postcard::to_allocvec(meta).map_err(io::Error::other)?;
    write_framed(&meta, out)?;
    let mut buffer = Vec::new();
    for item in state.items() {
        buffer.clear();
        buffer = item.encode(buffer);
        write_framed(&buffer, out)?;
    }
    Ok(())
}

/// Reads what [`save`] wrote.
pub(crate) fn load(mut from: Box<dyn Read + Send>) -> io::Result<(Meta, State)> {
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let mut buffer = Vec::new();
    if !read_framed(&mut from, &mut buffer)? {
        return Err(invalid("it is empty".to_owned()));
    }
    let meta = postcard::from_bytes(&buffer).map_err(|error| invalid(error.to_string()))?;
    let mut state = State::new();
    while read_framed(&mut from, &mut buffer)? {
        state.restore(Item::decode(&buffer).map_err(invalid)?);
    }
    Ok((meta, state))
}

fn write_framed(bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&(bytes.len() as u32).to_le_bytes())?;
    out.write_all(bytes)
}

/// Reads one frame; tells whether there was one.
fn read_framed(from: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    if from.read(&mut length[..1])? == 0 {
        return Ok(false);
    }
    from.read_exact(&mut length[1..])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > RAFT_ITEM_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("an item of {length} bytes is too long"),
        ));
    }
    buffer.resize(length, 0);
    from.read_exact(buffer)?;
    Ok(true)
}

fn unreadable(error: io::Error) -> DiskError {
    DiskError {
        text: format!("the snapshot of the agreed state cannot be read: {error}"),
        is_full: false,
    }
}
