//! Carrying out what the core wants done. Nothing here waits.

use std::net::SocketAddr;

use gossip::{Change, Done, Output, What};
use model::{MemberState, NodeId};
use tracing::{debug, info, warn};

use super::{Cluster, SHOW_CHANGES, SHOW_FIGURES, SHOW_TOLD, calls, shown_name};
use crate::keep::Keep;
use crate::keep::nodes::Named;

impl Cluster {
    /// Does what the core wants done.
    pub(super) fn carry_out(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send { to, packet } => self.socket.send(to, &packet),
                Output::Ask {
                    call,
                    to,
                    zones,
                    request,
                } => self.ask(calls::Ask {
                    call,
                    to,
                    zones,
                    request,
                }),
                Output::Reply { call, answer } => self.pending.reply(call, answer),
                Output::Done(id, outcome) => {
                    if let Ok(Done::ZoneChanged(zone)) = &outcome {
                        self.zone_changed(zone);
                    }
                    // Whoever asked sees the cluster as it is after that.
                    self.show();
                    self.pending.done(id, outcome);
                }
                Output::Changed(change) => {
                    self.note(&change);
                    self.show_within(SHOW_CHANGES);
                }
                Output::Told => self.show_within(SHOW_TOLD),
                Output::Happened(event) => {
                    debug!(kind = event.kind, from = %event.from, "Event");
                    self.show_within(SHOW_CHANGES);
                }
                Output::Keep(bytes) => {
                    self.agent.keep.put_cluster(bytes);
                    self.agent.on_disk_later("cluster", Keep::save_cluster);
                }
                Output::KeepKeys(zone, ring) => {
                    info!(%zone, version = ring.version, "The keys of a zone changed");
                    self.agent.keep_keys(zone, ring);
                    self.show_within(SHOW_CHANGES);
                }
                Output::Stop { by } => self.stop(by),
            }
        }
    }

    fn ask(&mut self, ask: calls::Ask) {
        self.show_within(SHOW_FIGURES);
        let (call, to): (_, SocketAddr) = (ask.call, ask.to);
        if self.calls.try_send(ask).is_err() {
            warn!(%to, "Too many calls to other nodes wait: one is given up");
            calls::give_up(&self.agent, call);
        }
    }

    fn stop(&self, by: NodeId) {
        let by = self.name_of(by);
        info!(by, "An operator elsewhere made this node leave");
        self.agent.note("leave", format!("told to leave on {by}"));
        self.agent.agreement.go();
    }

    fn name_of(&self, id: NodeId) -> String {
        let known = self.members.borrow();
        shown_name(&known, id).unwrap_or_else(|| id.to_string())
    }

    /// Notes a change of a member, for people.
    fn note(&self, change: &Change) {
        let name = match change.display_name.as_str() {
            "" => change.name.as_str(),
            shown => shown,
        };
        let accuser = match &change.what {
            What::State { accuser, .. } => *accuser,
            What::Zone { .. } | What::Groups { .. } | What::Forgotten => None,
        };
        let accuser = accuser.map(|id| Named {
            id,
            // Who leaves says so itself, and may not be shown yet.
            name: match id == change.id {
                true => name.to_owned(),
                false => self.name_of(id),
            },
        });
        match &change.what {
            What::State { from, to, .. } => {
                let from = from.map_or("unknown", MemberState::as_str);
                let by = accuser.as_ref().map_or("itself", |it| it.name.as_str());
                match to {
                    MemberState::Dead => warn!(name, from, by, "Node is dead"),
                    MemberState::Suspect => info!(name, from, by, "Node is suspect"),
                    MemberState::Alive | MemberState::Leave => {
                        info!(name, from, to = %to, "Node changed");
                    }
                }
            }
            What::Zone { from, to } => info!(name, %from, %to, "Node is in another zone"),
            What::Groups { .. } => debug!(name, "Groups of a node changed"),
            What::Forgotten => info!(name, "Node is forgotten"),
        }
        self.agent.keep.note_node(change, accuser);
        self.agent.on_disk_later("history", Keep::flush);
    }
}
