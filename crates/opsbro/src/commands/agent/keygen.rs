//! `opsbro agent keygen`

use clap::Args;
use daemon::zone_keys;
use serde::Serialize;

use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Make a key that seals the gossip of a zone, from the system's randomness
///
/// The key alone goes to stdout: 256 bits in base64.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Keygen {}

const EXAMPLES: &str = "Examples:
  opsbro agent keygen
  opsbro agent keygen > internet.gossip.key
  opsbro agent keygen -o json";

impl Keygen {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let key = zone_keys::generate().map_err(|why| Failure::new(why.to_string()))?;
        program.printer.show(&Key {
            gossip_key: key.to_base64(),
        })?;
        if !program.printer.is_for_programs() {
            program.printer.say(&self.where_to_put_it(program));
        }
        Ok(Exit::Yes)
    }

    fn where_to_put_it(&self, program: &Program) -> String {
        let folder = match program.paths() {
            Ok(paths) => zone_keys::folder(&paths).display().to_string(),
            Err(_) => "zone_keys, in the folder of the configuration,".to_owned(),
        };
        format!(
            "Put it on every node of the zone, mode 0600:\n  {folder}/<zone>.gossip.key\n\
             Nodes with the key hear only each other."
        )
    }
}

#[derive(Serialize)]
struct Key {
    gossip_key: String,
}

impl Answer for Key {
    fn text(&self, page: &mut Page) {
        page.line(&self.gossip_key);
    }
}
