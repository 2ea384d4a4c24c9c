//! What a command line that makes no sense is answered with: the nearest thing that does.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;

use clap::ValueEnum as _;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli;
use crate::failure::{Exit, Failure};
use crate::output::Color;

/// Tells what is wrong with a command line, or shows the help that it asked for.
pub(crate) fn explain(error: &clap::Error) -> Exit {
    let words: Vec<OsString> = std::env::args_os().collect();
    let color = cli::typed(&words, "--color").and_then(OsStr::to_str);
    if let Some(color) = color.and_then(|color| Color::from_str(color, true).ok()) {
        color.use_everywhere();
    }
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render().ansi().to_string();
            // A reader who has gone does not need the rest.
            let _ = anstream::stdout().write_all(text.as_bytes());
            Exit::Yes
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let help = help_of(cli::command(), &words).ansi().to_string();
            let _ = anstream::stderr().write_all(help.as_bytes());
            Exit::Usage
        }
        _ => failure(error).report(),
    }
}

/// Renders the help of the command that the words name.
fn help_of(mut command: clap::Command, words: &[OsString]) -> StyledStr {
    command.build();
    let mut at = &mut command;
    for word in words.iter().skip(1) {
        if at.find_subcommand(word).is_some() {
            at = at
                .find_subcommand_mut(word)
                .expect("it was found the line before");
        }
    }
    at.render_help()
}

fn failure(error: &clap::Error) -> Failure {
    let command = cli::command();
    if let Some(word) = text(error, ContextKind::InvalidSubcommand) {
        let hint = nearest_command(&command, &word, &std::env::args().collect::<Vec<_>>());
        return Failure::usage(format!("there is no command `{word}`")).with_hint(hint);
    }
    let failure = Failure::usage(what_is_wrong(error));
    if let Some(near) = text(error, ContextKind::SuggestedArg) {
        return failure.with_hint(format!("did you mean `{near}`?"));
    }
    if let Some(near) = text(error, ContextKind::SuggestedValue) {
        return failure.with_hint(format!("did you mean `{near}`?"));
    }
    let words: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let path = deepest_known(&command, &words);
    match text(error, ContextKind::Usage) {
        Some(_) => failure.with_hint(format!("the way to call it is: {}", way_of(command, &path))),
        None => failure.with_hint(help_hint(&path)),
    }
}

/// Gives the usage line of a command. That of clap's errors names what was given, such as a
/// `--root` from the environment, as if it were needed.
fn way_of(mut command: clap::Command, path: &[String]) -> String {
    command.build();
    let mut at = &mut command;
    for name in path {
        at = at
            .find_subcommand_mut(name)
            .expect("the path was found in this command");
    }
    let usage = at.render_usage().to_string();
    usage.replacen("Usage: ", "", 1)
}

/// Names the help of a command.
fn help_hint(path: &[String]) -> String {
    match path {
        [] => "opsbro --help lists all commands".to_owned(),
        [..] => format!("opsbro {} --help tells what it takes", path.join(" ")),
    }
}

/// Takes the sentence out of an error that clap has laid out over several lines.
fn what_is_wrong(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let sentence = text.split("\n\n").next().unwrap_or(text);
    sentence.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        _ => None,
    }
}

/// Finds what a person may have meant by a word that is no command: a neighbour with almost this
/// name, or a command elsewhere that ends with it; behind a noun, only if there is one such.
fn nearest_command(command: &clap::Command, word: &str, typed: &[String]) -> String {
    let all = cli::walk(command);
    let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
    let above: Vec<String> = deepest_known(command, &typed);
    let paths: Vec<&Vec<String>> = all.iter().map(|(path, _)| path).collect();
    let beside = paths.iter().filter(|path| path.len() == above.len() + 1);
    let beside = beside
        .filter(|path| path.starts_with(&above))
        .map(|path| last(path));
    if let Some(near) = model::nearest(word, beside) {
        let path = [above, vec![near.to_owned()]].concat();
        return format!("did you mean `opsbro {}`?", path.join(" "));
    }
    let elsewhere = model::nearest(word, paths.iter().map(|path| last(path)));
    let mut elsewhere = paths.iter().filter(|path| elsewhere == Some(last(path)));
    // A verb that many nouns have (`show`) says nothing about which other one is meant.
    let found = elsewhere
        .next()
        .filter(|_| above.is_empty() || elsewhere.next().is_none());
    match found {
        Some(path) => format!("did you mean `opsbro {}`?", path.join(" ")),
        None if above.is_empty() => "opsbro --help lists all commands".to_owned(),
        None => format!("opsbro {} --help lists its commands", above.join(" ")),
    }
}

fn last(path: &[String]) -> &str {
    path.last().map_or("", String::as_str)
}

/// Follows the words of a command line as far as they name commands.
fn deepest_known(command: &clap::Command, typed: &[&str]) -> Vec<String> {
    let mut at = command;
    let mut path = Vec::new();
    for word in typed.iter().skip(1) {
        if let Some(below) = at.find_subcommand(word) {
            path.push(below.get_name().to_owned());
            at = below;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, word: &str, expect: &str) {
        let typed: Vec<String> = line.split(' ').map(str::to_owned).collect();
        assert_eq!(nearest_command(&cli::command(), word, &typed), expect);
    }

    #[test]
    fn the_way_to_call_a_command_names_only_what_it_takes() {
        let path = ["alerts", "show"].map(str::to_owned);
        let way = way_of(cli::command(), &path);
        assert_eq!(way, "opsbro alerts show [OPTIONS] <ID>");
    }

    #[test]
    fn the_nearest_command_is_found_beside_and_elsewhere() {
        check("opsbro agnet info", "agnet", "did you mean `opsbro agent`?");
        check(
            "opsbro agent strat",
            "strat",
            "did you mean `opsbro agent start`?",
        );
        check(
            "opsbro start",
            "start",
            "did you mean `opsbro agent start`?",
        );
        check("opsbro zebra", "zebra", "opsbro --help lists all commands");
        check(
            "opsbro agent zebra",
            "zebra",
            "opsbro agent --help lists its commands",
        );
        check(
            "opsbro backup show",
            "show",
            "opsbro backup --help lists its commands",
        );
        check(
            "opsbro agent transfer",
            "transfer",
            "did you mean `opsbro raft transfer`?",
        );
        check(
            "opsbro --root /x agent lgo list",
            "lgo",
            "did you mean `opsbro agent log`?",
        );
    }
}
