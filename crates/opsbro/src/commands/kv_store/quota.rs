//! How much there may be below a prefix.

use api::client::With;
use api::kv::{QUOTA, Quota as Bound, UNQUOTA, Written};
use clap::Args;
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Bound the keys that begin with a prefix, or take the bound away
///
/// A write over the bound is refused. What is there stays, and may be deleted or made smaller at
/// any time. `opsbro kv-store top` shows the bounds, and what is used of them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Quota {
    /// The beginning of the keys
    prefix: String,
    /// Most keys
    #[arg(long, value_name = "COUNT", required_unless_present_any = ["bytes", "remove"])]
    keys: Option<u64>,
    /// Most bytes of keys and values together
    #[arg(long, value_name = "COUNT")]
    bytes: Option<u64>,
    /// Take the bound away
    #[arg(long, conflicts_with_all = ["keys", "bytes"])]
    remove: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro kv-store quota app/ --keys 1000 --bytes 1000000
  opsbro kv-store quota app/ --remove";

impl Quota {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let with = With {
            path: &[&self.prefix],
            ..With::default()
        };
        let written: Written = if self.remove {
            program.send(&UNQUOTA, with, &())?
        } else {
            let bound = Bound {
                keys_max: self.keys.unwrap_or(u64::MAX),
                bytes_max: self.bytes.unwrap_or(u64::MAX),
            };
            program.send(&QUOTA, with, &bound)?
        };
        program.printer.show(&Done {
            prefix: self.prefix,
            is_bounded: !self.remove,
            revision: written.revision,
        })?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
struct Done {
    #[serde(skip)]
    prefix: String,
    #[serde(skip)]
    is_bounded: bool,
    revision: u64,
}

impl Answer for Done {
    fn text(&self, page: &mut Page) {
        let what = match self.is_bounded {
            true => "are bounded",
            false => "have no bound of their own",
        };
        let Self {
            prefix, revision, ..
        } = self;
        page.line(format!("keys below {prefix} {what} at revision {revision}"));
    }
}
