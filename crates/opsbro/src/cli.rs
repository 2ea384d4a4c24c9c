//! The command line: what goes before every command, and the commands.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Args, CommandFactory, FromArgMatches, Parser};

use crate::commands::Command;
use crate::output::{Color, Format};

/// Finds the servers, tells what each one is, measures and judges it, and keeps it right
#[derive(Debug, Parser)]
#[command(
    name = "opsbro",
    version,
    disable_help_subcommand = true,
    infer_subcommands = false,
    styles = STYLES,
    after_help = EXAMPLES
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do; nothing at all shows where to start.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "Examples:
  opsbro agent start
  opsbro info
  opsbro -o json agent info
  opsbro --root /tmp/playground agent start";

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Lay all files of the agent below this folder
    #[arg(
        long,
        global = true,
        env = "OPSBRO_ROOT",
        hide_env_values = true,
        value_name = "DIR",
        value_hint = clap::ValueHint::DirPath,
        help_heading = "Everywhere"
    )]
    pub(crate) root: Option<PathBuf>,
    /// The form of the answer
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORM",
        help_heading = "Everywhere",
        hide_possible_values = true,
        help = "The form of the answer: text, json or yaml"
    )]
    pub(crate) output: Format,
    /// When to use colour
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        help_heading = "Everywhere",
        hide_possible_values = true,
        help = "When to use colour: auto, always or never"
    )]
    pub(crate) color: Color,
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// Describes the whole command line.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// Reads a command line.
pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = command();
    let mut matches = command.try_get_matches_from_mut(words)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// Finds the value of an option in a command line that may not be complete or right.
pub(crate) fn typed<'a>(words: &'a [OsString], option: &str) -> Option<&'a OsStr> {
    let behind = |word: &'a OsString| word.to_str()?.strip_prefix(option)?.strip_prefix('=');
    let joined = words.iter().find_map(behind).map(OsStr::new);
    let next = words
        .iter()
        .position(|word| word == option)
        .and_then(|at| words.get(at + 1));
    joined.or_else(|| next.map(OsString::as_os_str))
}

/// Gives every command that is shown, with its path (`["agent", "info"]`).
pub(crate) fn walk(command: &clap::Command) -> Vec<(Vec<String>, &clap::Command)> {
    let mut found = Vec::new();
    for below in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set())
    {
        let name = below.get_name().to_owned();
        found.push((vec![name.clone()], below));
        for (path, deeper) in walk(below) {
            found.push(([vec![name.clone()], path].concat(), deeper));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_examples_that_work() {
        let command = command();
        for (path, below) in walk(&command) {
            let path = path.join(" ");
            assert!(below.get_about().is_some(), "{path}: no description");
            let after = below
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let examples: Vec<&str> = after
                .lines()
                .filter_map(|line| line.strip_prefix("  opsbro "))
                .collect();
            assert!(after.starts_with("Examples:\n"), "{path}: no examples");
            for example in examples {
                let read = try_line(example);
                assert!(
                    read.is_ok(),
                    "{path}: `opsbro {example}`: {}",
                    read.unwrap_err()
                );
            }
        }
    }

    /// Reads a command line that stands in a text, without its first word.
    fn try_line(line: &str) -> Result<Cli, clap::Error> {
        // What follows a pipe or a redirection is the shell's.
        let ours = line.split([';', '|', '<', '>', '#']).next();
        let words = split_words(&format!("opsbro {}", ours.unwrap_or_default()));
        parse(words.into_iter().map(OsString::from))
    }

    #[test]
    fn the_documents_name_commands_that_there_are() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let names = [
            "README.md",
            "ARCHITECTURE.md",
            "docs/packs.md",
            "etc/agent.yml",
        ];
        let mut files: Vec<_> = names.iter().map(|name| root.join(name)).collect();
        let fragments = std::fs::read_dir(root.join("changelog.d")).unwrap();
        files.extend(fragments.map(|file| file.unwrap().path()));
        let mut count = 0;
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            // In a block of commands, at the start or behind a pipe.
            let blocks = text.split("```sh\n").skip(1);
            let lines = blocks.flat_map(|it| it.split("```").next().unwrap_or_default().lines());
            let lines = lines.filter_map(|line| match line.strip_prefix("opsbro ") {
                Some(line) => Some(line),
                None => line.split_once("| opsbro ").map(|(_, line)| line),
            });
            for line in lines {
                let read = try_line(line);
                assert!(
                    read.is_ok(),
                    "{}: {line}: {}",
                    file.display(),
                    read.unwrap_err()
                );
                count += 1;
            }
            // Within a sentence, where what is clear may be left out, and verbs stand together.
            let spans = text.split('`').skip(1).step_by(2);
            let spans = spans.filter_map(|span| span.strip_prefix("opsbro "));
            for line in spans.filter(|it| !it.contains('…')) {
                let (noun, verbs) = line.split_once(' ').unwrap_or((line, ""));
                let (verbs, rest) = verbs.split_once(' ').unwrap_or((verbs, ""));
                for verb in verbs.split('|') {
                    let wrong = try_line(&format!("{noun} {verb} {rest}")).err();
                    let is_wrong = wrong.as_ref().is_some_and(|error| {
                        let kind = error.kind();
                        kind == ErrorKind::InvalidSubcommand || kind == ErrorKind::UnknownArgument
                    });
                    assert!(!is_wrong, "{}: {line}: {}", file.display(), wrong.unwrap());
                    count += 1;
                }
            }
        }
        assert!(count > 100, "{count} commands were found");
    }

    #[test]
    fn an_option_is_found_in_both_spellings() {
        let check = |line: &str, expect: Option<&str>| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(typed(&words, "--root"), expect.map(OsStr::new), "{line}");
        };
        check("opsbro --root /a agent log", Some("/a"));
        check("opsbro agent log --root=/b", Some("/b"));
        check("opsbro agent log --root", None);
        check("opsbro agent log --rooted=x", None);
    }

    /// Splits as a shell does, as far as the examples need it.
    fn split_words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quote = None;
        for letter in line.trim().chars() {
            match (quote, letter) {
                (None, '"' | '\'') => quote = Some(letter),
                (Some(open), _) if open == letter => quote = None,
                (None, ' ') => words.push(String::new()),
                (None | Some(_), _) => words.last_mut().unwrap().push(letter),
            }
        }
        words
    }
}
