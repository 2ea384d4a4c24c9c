//! The words every room speaks.
//!
//! Plain values without behaviour towards the world: no clock, disk, socket or thread, no
//! serialisation. A type lives here when at least two rooms must mean the same thing by it.
//! Start with [`Value`] (what was observed), [`Diagnostic`] (what is wrong, and where) and
//! [`limits`] (how much of anything there may be).

mod agent_state;
mod check_state;
mod diagnostic;
mod group;
mod group_set;
mod hex;
mod interval;
mod level;
pub mod limits;
mod member_state;
mod nearest;
mod node_id;
mod secret;
mod time;
mod topic;
mod value;
mod zone;

pub use agent_state::AgentState;
pub use check_state::CheckState;
pub use diagnostic::{Diagnostic, Place, Severity};
pub use group::{Group, GroupError};
pub use group_set::{GroupSet, GroupSetError};
pub use hex::{from_hex, to_hex};
pub use interval::{IntervalError, format_interval, parse_interval};
pub use level::Level;
pub use member_state::MemberState;
pub use nearest::nearest;
pub use node_id::{NodeId, NodeIdError};
pub use secret::Secret;
pub use time::{Moment, WallTime};
pub use topic::Topic;
pub use value::Value;
pub use zone::{Zone, ZoneError};
