//! One line of the log, and the forms it is written in.

use model::WallTime;

use super::level::LogLevel;
use super::part;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// When.
    pub wall: WallTime,
    /// How much it matters.
    pub level: LogLevel,
    /// The index of the part that speaks.
    pub(super) part: usize,
    /// What it says.
    pub message: String,
    /// The values it says it about.
    pub fields: Vec<(&'static str, String)>,
}

impl Line {
    /// Names the part that speaks.
    pub(crate) fn part(&self) -> &'static str {
        part::ALL[self.part]
    }

    /// Gives the line as the API tells it.
    pub(crate) fn to_api(&self) -> api::log::Line {
        api::log::Line {
            date: self.wall.to_string(),
            level: self.level.as_str().to_owned(),
            part: self.part().to_owned(),
            message: self.message.clone(),
            fields: self
                .fields
                .iter()
                .map(|(k, v)| ((*k).to_owned(), v.clone()))
                .collect(),
        }
    }

    /// Writes plain text.
    pub(crate) fn to_text(&self) -> String {
        format!(
            "{} {:7} {}: {}",
            self.wall,
            self.level.as_str(),
            self.part(),
            self.saying()
        )
    }

    /// Writes text with colour: the level by its gravity, the date and the part dim.
    pub(super) fn to_coloured_text(&self) -> String {
        let colour = match self.level {
            LogLevel::Error => "31;1",
            LogLevel::Warning => "33",
            LogLevel::Info => "32",
            LogLevel::Debug => "34",
            LogLevel::Trace => "35",
        };
        let (wall, level, part) = (self.wall, self.level.as_str(), self.part());
        format!(
            "\x1b[2m{wall}\x1b[0m \x1b[{colour}m{level:7}\x1b[0m \x1b[2m{part}:\x1b[0m {}",
            self.saying()
        )
    }

    /// Writes JSON.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(&self.to_api()).expect("a map of strings is always JSON")
    }

    /// Writes for journald, which keeps the date itself and takes the level from a prefix.
    pub(super) fn to_journal(&self) -> String {
        let priority = match self.level {
            LogLevel::Error => 3,
            LogLevel::Warning => 4,
            LogLevel::Info => 6,
            LogLevel::Debug | LogLevel::Trace => 7,
        };
        format!("<{priority}>{}: {}", self.part(), self.saying())
    }

    /// Writes message and values. Control characters are shown, not sent to a terminal: much of
    /// what is logged was made by others.
    fn saying(&self) -> String {
        let mut text = visible(&self.message);
        for (name, value) in &self.fields {
            text.push_str(&format!(" {name}={}", visible(value)));
        }
        text
    }
}

fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => visible.extend(character.escape_default()),
            false => visible.push(character),
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line {
            wall: WallTime::from_millis(0),
            level: LogLevel::Warning,
            part: part::DAEMON,
            message: "Odd name".to_owned(),
            fields: vec![("name", "a\x1b[31m\nb".to_owned())],
        }
    }

    #[test]
    fn every_form_shows_control_characters_and_sends_none() {
        let line = line();
        let text = r"1970-01-01T00:00:00.000Z WARNING daemon: Odd name name=a\u{1b}[31m\nb";
        assert_eq!(line.to_text(), text);
        assert_eq!(
            line.to_journal(),
            r"<4>daemon: Odd name name=a\u{1b}[31m\nb"
        );
        assert!(line.to_json().contains(r#""name":"a\u001b[31m\nb""#));
        assert!(line.to_coloured_text().contains(r"a\u{1b}[31m\nb"));
    }
}
