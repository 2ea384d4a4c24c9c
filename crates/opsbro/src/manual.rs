//! The manual of all commands, made from the commands themselves.

use std::fmt::Write as _;

use crate::cli;

/// Writes the manual as markdown.
pub(crate) fn markdown() -> String {
    let mut command = cli::command();
    // A fixed width and no environment: the manual is the same wherever it is made.
    command = command.term_width(100);
    command.build();
    let mut text = String::from(
        "# The commands of opsbro\n\n\
         This page is made by `opsbro internal docs manual`; change the help of a command instead.\n\n\
         Every answer goes to stdout as text, JSON or YAML (`-o`); everything else goes to stderr.\n\n\
         | exit code | meaning |\n| --- | --- |\n\
         | 0 | yes, or done |\n| 1 | the answer is no |\n| 2 | it failed |\n\
         | 64 | the command line or the configuration is wrong |\n",
    );
    for (path, below) in cli::walk(&command) {
        let level = "#".repeat(path.len().min(3) + 1);
        let mut below = below.clone().term_width(100);
        let help = below.render_long_help().to_string();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = write!(
            text,
            "\n{level} opsbro {}\n\n```text\n{}\n```\n",
            path.join(" "),
            help.join("\n").trim_end()
        );
    }
    text
}
