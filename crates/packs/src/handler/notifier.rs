//! The notifiers that a handler may name, and the options of each.
//!
//! The notifiers themselves are in `drivers`; a test of the agent compares both lists.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::nearest;

use crate::expression::Setting;
use crate::fields::{Fields, unknown_word};

/// What a handler tells by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notifier {
    /// Mail, by SMTP or sendmail.
    Mail,
    /// A channel of Slack.
    Slack,
    /// A channel of Mattermost.
    Mattermost,
    /// A channel of Microsoft Teams.
    Teams,
    /// A channel of Discord.
    Discord,
    /// A chat of Telegram.
    Telegram,
    /// An incident of PagerDuty.
    Pagerduty,
    /// An alert of Opsgenie.
    Opsgenie,
    /// A topic of ntfy.
    Ntfy,
    /// A POST to any HTTP server.
    Webhook,
    /// The log of the system, or of another machine.
    Syslog,
    /// A program.
    Command,
}

/// What is known of the options of a notifier.
struct Known {
    notifier: Notifier,
    name: &'static str,
    /// One of each of these groups must be there.
    required: &'static [&'static [&'static str]],
    options: &'static [&'static str],
}

#[rustfmt::skip]
const ALL: [Known; 12] = [
    Known { notifier: Notifier::Mail, name: "mail", required: &[&["to"]], options: &["to", "from", "server", "tls", "user", "password", "sendmail", "ca_file"] },
    Known { notifier: Notifier::Slack, name: "slack", required: &[&["token", "url"]], options: &["token", "channel", "url", "ca_file"] },
    Known { notifier: Notifier::Mattermost, name: "mattermost", required: &[&["url"]], options: &["url", "channel", "username", "ca_file"] },
    Known { notifier: Notifier::Teams, name: "teams", required: &[&["url"]], options: &["url", "ca_file"] },
    Known { notifier: Notifier::Discord, name: "discord", required: &[&["url"]], options: &["url", "username", "ca_file"] },
    Known { notifier: Notifier::Telegram, name: "telegram", required: &[&["token"], &["chat"]], options: &["token", "chat", "url", "ca_file"] },
    Known { notifier: Notifier::Pagerduty, name: "pagerduty", required: &[&["routing_key"]], options: &["routing_key", "url", "ca_file"] },
    Known { notifier: Notifier::Opsgenie, name: "opsgenie", required: &[&["api_key"]], options: &["api_key", "url", "teams", "priority", "ca_file"] },
    Known { notifier: Notifier::Ntfy, name: "ntfy", required: &[&["topic"]], options: &["topic", "url", "token", "user", "password", "ca_file"] },
    Known { notifier: Notifier::Webhook, name: "webhook", required: &[&["url"]], options: &["url", "method", "body", "content_type", "headers", "token", "secret", "user", "password", "ca_file"] },
    Known { notifier: Notifier::Syslog, name: "syslog", required: &[], options: &["address", "protocol", "facility"] },
    Known { notifier: Notifier::Command, name: "command", required: &[&["command"]], options: &["command", "environment", "user"] },
];

impl Notifier {
    /// Gives the word of pack files.
    pub fn as_str(self) -> &'static str {
        self.known().name
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        let found = ALL.iter().find(|known| known.name == word);
        found.map(|known| known.notifier)
    }

    /// Names all notifiers.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ALL.iter().map(|known| known.name)
    }

    /// Names the options that it takes.
    pub fn options(self) -> &'static [&'static str] {
        self.known().options
    }

    fn known(self) -> &'static Known {
        let found = ALL.iter().find(|known| known.notifier == self);
        found.expect("each notifier is in the list, which a test proves")
    }

    /// Looks at the names of options.
    pub(super) fn check(self, options: &BTreeMap<Arc<str>, Setting>, fields: &mut Fields<'_>) {
        let place = fields.place_of("options");
        for name in options
            .keys()
            .filter(|name| !self.options().contains(&&***name))
        {
            let hint = match nearest(name, self.options().iter().copied()) {
                Some(likely) => format!("did you mean `{likely}`?"),
                None => format!("its options are: {}", self.options().join(", ")),
            };
            let message = format!("`{}` has no option `{name}`", self.as_str());
            fields.report.error(&place, message, &hint);
        }
        for one_of in self.known().required {
            if !one_of.iter().any(|name| options.contains_key(*name)) {
                let message = format!(
                    "`{}` needs the option `{}`",
                    self.as_str(),
                    one_of.join("` or `")
                );
                fields
                    .report
                    .error(&place, message, "write it below `options:`");
            }
        }
    }
}

/// Reads `notifier: mail`.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<Notifier> {
    let word = fields.required_text("notifier")?;
    let found = Notifier::parse(&word);
    if found.is_none() {
        let names: Vec<&str> = Notifier::names().collect();
        let problem = unknown_word(&fields.place_of("notifier"), "`notifier`", &word, &names);
        fields.report.push(problem);
    }
    found
}
