//! A program of the operator's own: the notice on its input as JSON, the facts in its environment.

use model::limits::NOTIFY_ANSWER_BYTES_MAX;

use super::{Call, Failure, Kind, Receipt};
use crate::accounts::{Account, find_user};
use crate::child::{self, End};
use crate::json::to_json;
use crate::options::{OptionKind, OptionSpec};
use crate::text::{lines_in_bytes, one_line};

pub(super) const KIND: Kind = Kind {
    name: "command",
    doc: "Runs a program with the notice on its input, as JSON, and the facts in its environment.",
    options: &[
        OptionSpec::new(
            "command",
            OptionKind::Texts,
            "The program by its whole path, and its arguments, as a list; no shell sees them.",
        )
        .required(),
        OptionSpec::new("environment", OptionKind::Map, "Further variables by name.").secret(),
        OptionSpec::new(
            "user",
            OptionKind::Text,
            "Who runs it, when the agent is root; nobody if none, and root only if it says so.",
        ),
    ],
    send,
};

/// Who runs programs when the agent is root and nobody is named.
const NOBODY: &str = "nobody";
/// The kernel takes 128 KiB of one variable; much less makes sense there.
const VARIABLE_BYTES_MAX: usize = 16 << 10;
/// `EX_TEMPFAIL` of sysexits.h: the program asks for another try.
const TRY_AGAIN: i32 = 75;

fn send(call: &Call<'_>) -> Result<Receipt, Failure> {
    let argv = call.options.words("command")?;
    let input = to_json(&call.notice.to_value()).to_string();
    let facts = environment(call);
    let more = call.options.map("environment")?;
    for (name, _) in &more {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_name) {
            let problem = "holds a name that no variable can have: letters, digits and _ are";
            return Err(call.options.refuse("environment", problem).into());
        }
    }
    let variables: Vec<(&str, &str)> = facts
        .iter()
        .chain(&more)
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let command = child::Command {
        argv: &argv,
        stdin: input.as_bytes(),
        environment: &variables,
        output_bytes_max: NOTIFY_ANSWER_BYTES_MAX,
        deadline: call.deadline,
    };
    let user = user(call)?;
    let finished = child::run_as(call.host, &command, user.as_ref())?;
    let name = argv.first().copied().unwrap_or_default();
    match finished.end {
        End::Code(0) => Ok(Receipt {
            text: match one_line(&finished.stdout.text(), 300) {
                said if said.is_empty() => format!("{name} ended well"),
                said => said,
            },
        }),
        End::Code(TRY_AGAIN) | End::Signal(_) | End::TimedOut => {
            Err(Failure::later(told(&finished, name, call)))
        }
        End::Code(_) => Err(Failure::never(format!(
            "{} (it may end with code {TRY_AGAIN} to be run again)",
            told(&finished, name, call)
        ))),
    }
}

fn told(finished: &child::Finished, name: &str, call: &Call<'_>) -> String {
    one_line(&finished.error(name, call.deadline).to_string(), 500)
}

/// Finds who runs it. Only root can choose.
fn user(call: &Call<'_>) -> Result<Option<crate::accounts::User>, Failure> {
    let named = call.options.text("user")?;
    if named.is_none() && !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let name = named.unwrap_or(NOBODY);
    let found = find_user(call.host, Account::Name(name), call.deadline)?;
    match found {
        Some(user) => Ok(Some(user)),
        None => {
            let problem = format!("names {name}, whom this machine does not know");
            Err(call.options.refuse("user", &problem).into())
        }
    }
}

/// The facts as variables; what is too long is cut, as the input has it all.
fn environment(call: &Call<'_>) -> Vec<(&'static str, String)> {
    let notice = call.notice;
    let groups: Vec<&str> = notice.groups.iter().map(|group| &**group).collect();
    [
        ("OPSBRO_ID", &*notice.id),
        ("OPSBRO_INCIDENT", &*notice.incident),
        ("OPSBRO_OCCASION", notice.occasion.as_str()),
        ("OPSBRO_STATE", &*notice.state),
        ("OPSBRO_TONE", notice.tone.as_str()),
        ("OPSBRO_TITLE", &*notice.title),
        ("OPSBRO_TEXT", &*notice.text),
        ("OPSBRO_NODE", &*notice.node),
        ("OPSBRO_CHECK", &*notice.check),
        ("OPSBRO_PACK", &*notice.pack),
        ("OPSBRO_GROUPS", &*groups.join(",")),
        ("OPSBRO_WHEN", &*notice.when.to_string()),
    ]
    .map(|(name, value)| (name, lines_in_bytes(value, VARIABLE_BYTES_MAX)))
    .into()
}
