//! `opsbro agent keygen`

use clap::Args;
use ring::rand::{SecureRandom, SystemRandom};
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

/// 256 bits, for AES-256-GCM.
const KEY_BYTES: usize = 32;

impl Keygen {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let mut key = [0; KEY_BYTES];
        SystemRandom::new()
            .fill(&mut key)
            .map_err(|_| Failure::new("the system gives no randomness"))?;
        program.printer.show(&Key {
            gossip_key: base64(&key),
        })?;
        if !program.printer.is_for_programs() {
            program.printer.say(&self.where_to_put_it(program));
        }
        Ok(Exit::Yes)
    }

    fn where_to_put_it(&self, program: &Program) -> String {
        let folder = match program.paths() {
            Ok(paths) => paths.config.join("zone_keys").display().to_string(),
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

/// Writes bytes in base64 (RFC 4648, with padding).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let index = (bits >> (18 - 6 * at)) as usize & 63;
            let is_padding = at > chunk.len();
            text.push(if is_padding {
                '='
            } else {
                char::from(LETTERS[index])
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }
}
