//! `opsbro completion`

use clap::{Args, ValueEnum};
use clap_complete::env::Shells;

use crate::failure::{Exit, Failure, Outcome};
use crate::program::Program;

/// Print the script that makes a shell complete commands and live values
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completion {
    /// The shell
    shell: Shell,
}

const EXAMPLES: &str = "Examples:
  opsbro completion bash > /etc/bash_completion.d/opsbro
  opsbro completion zsh > \"${fpath[1]}/_opsbro\"
  opsbro completion fish > ~/.config/fish/completions/opsbro.fish";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completion {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let name = match self.shell {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        };
        let shells = Shells::builtins();
        let completer = shells
            .completer(name)
            .expect("clap_complete knows these three shells");
        let mut script = Vec::new();
        completer
            .write_registration("COMPLETE", "opsbro", "opsbro", "opsbro", &mut script)
            .map_err(|error| Failure::new(format!("cannot write the script: {error}")))?;
        program.printer.raw(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Yes)
    }
}
