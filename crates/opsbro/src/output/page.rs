//! The text form of an answer: titles, fields in columns, tables, hints, all within the terminal.

use std::fmt::Display;

use model::Topic;
use owo_colors::OwoColorize as _;

/// Width of what stands under a title when there is no terminal to ask.
const USUAL_COLUMNS: usize = 80;
/// Column of the values of fields: the longest label of `agent info` and a gap.
const VALUE_COLUMN: usize = 21;
/// Blanks between two columns of a table.
const GAP: usize = 2;
/// Least room in which the last column of a table can be read beside the others.
const LAST_COLUMN_MIN: usize = 30;
/// Margin of a last cell that stands below its row.
const BELOW_MARGIN: usize = 6;

/// A text that is being laid out.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
    columns: Option<usize>,
}

impl Page {
    /// Makes an empty page, of this width when there is a terminal.
    pub(crate) fn new(columns: Option<usize>) -> Self {
        Self {
            text: String::new(),
            columns,
        }
    }

    /// Writes a line as it is.
    pub(crate) fn line(&mut self, text: impl Display) {
        let line = text.to_string();
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Leaves a line free.
    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Writes a title over the whole width.
    pub(crate) fn title(&mut self, title: &str) {
        let lead = "─".repeat(12);
        let used = 12 + 2 + display_width(title);
        let width = self.columns.unwrap_or(USUAL_COLUMNS).min(USUAL_COLUMNS);
        let rest = "─".repeat(width.saturating_sub(used));
        self.line(format!(
            "{} {} {}",
            lead.cyan(),
            title.yellow().bold(),
            rest.cyan()
        ));
    }

    /// Opens the part of a topic.
    pub(crate) fn topic(&mut self, topic: Topic) {
        if !self.text.is_empty() {
            self.blank();
        }
        let bar = format!("┌{}", "─".repeat(19));
        let label = topic.label();
        self.line(format!(
            "{} {}",
            bar.color(topic_color(topic)),
            label.bold()
        ));
    }

    /// Writes a label and its value; a value longer than the line goes on below itself.
    pub(crate) fn field(&mut self, label: &str, value: impl Display) {
        let label = format!(" {label}:");
        let pad = VALUE_COLUMN.saturating_sub(display_width(&label)).max(1);
        let value = value.to_string();
        let room = self
            .columns
            .map(|columns| columns.saturating_sub(VALUE_COLUMN).max(20));
        let mut lines = wrap(&value, room).into_iter();
        let first = lines.next().unwrap_or_default();
        self.line(format!("{label}{}{first}", " ".repeat(pad)));
        for line in lines {
            self.line(format!("{}{line}", " ".repeat(VALUE_COLUMN)));
        }
    }

    /// Tells which command shows more.
    pub(crate) fn more(&mut self, command: &str) {
        let lead = "   └ More →";
        let pad = " ".repeat(VALUE_COLUMN.saturating_sub(display_width(lead)));
        self.line(format!("{}{pad}{}", lead.dimmed(), command.green()));
    }

    /// Adds a remark to what stands above.
    pub(crate) fn note(&mut self, text: &str) {
        let lead = "   └ Note: ";
        let room = self
            .columns
            .map(|columns| columns.saturating_sub(VALUE_COLUMN).max(20));
        let pad = " ".repeat(VALUE_COLUMN.saturating_sub(display_width(lead)));
        for (at, line) in wrap(text, room).into_iter().enumerate() {
            let margin = if at == 0 {
                format!("{lead}{pad}")
            } else {
                " ".repeat(VALUE_COLUMN)
            };
            self.line(format!("{}{}", margin.dimmed(), line.dimmed()));
        }
    }

    /// Writes what a check or a program said, each line behind a bar.
    pub(crate) fn said(&mut self, indent: &str, text: &str) {
        let lead = display_width(indent) + 2;
        let room = self
            .columns
            .map(|columns| columns.saturating_sub(lead).max(20));
        for line in wrap(text, room) {
            self.line(format!("{indent}{} {line}", "|".dimmed()));
        }
    }

    /// Writes rows in columns. On a narrow terminal the last column goes on below itself; a cell
    /// that has no room beside the others stands below its row.
    pub(crate) fn table(&mut self, header: &[&str], rows: &[Vec<String>]) {
        let header: Vec<String> = header
            .iter()
            .map(|cell| cell.dimmed().to_string())
            .collect();
        let has_header = header.iter().any(|cell| display_width(cell) > 0);
        let all = || has_header.then_some(&header).into_iter().chain(rows);
        let count = all().map(Vec::len).max().unwrap_or(0);
        // One long cell shall not push all others off the terminal.
        let most = self.columns.map_or(usize::MAX, |columns| columns / 2);
        let widest = |at: usize| {
            all()
                .filter_map(|row| row.get(at))
                .map(|cell| display_width(cell))
                .filter(|width| *width <= most)
                .max()
        };
        let widths: Vec<usize> = (0..count).map(|at| widest(at).unwrap_or(0)).collect();
        for row in all() {
            let line = self.row(row, &widths);
            self.line(line);
        }
    }

    /// Lays out one row of a table, over several lines where it has to be.
    fn row(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        let mut used = 0;
        for (at, cell) in row.iter().enumerate() {
            let width = display_width(cell);
            let is_last = at + 1 == widths.len();
            let room = self.columns.map(|columns| columns.saturating_sub(used));
            let is_narrow = room.is_some_and(|room| width > room);
            let can_go_on = is_last && room.is_some_and(|room| room >= LAST_COLUMN_MIN);
            if is_narrow && at > 0 && !can_go_on {
                line.truncate(line.trim_end().len());
                line.push_str(&format!("\n{}", " ".repeat(BELOW_MARGIN)));
                used = BELOW_MARGIN;
            }
            if is_last {
                let room = self
                    .columns
                    .map(|columns| columns.saturating_sub(used).max(20));
                let broken = format!("\n{}", " ".repeat(used));
                line.push_str(&wrap(cell, room).join(&broken));
            } else {
                let pad = widths[at].saturating_sub(width) + GAP;
                line.push_str(&format!("{cell}{}", " ".repeat(pad)));
                used += width + pad;
            }
        }
        line
    }

    /// Gives the text.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// Gives the text without colours, as tests compare it.
    #[cfg(test)]
    pub(crate) fn plain(self) -> String {
        anstream::adapter::strip_str(&self.finish()).to_string()
    }
}

/// The colours by which users know the topics (numbers of the 256-colour palette).
pub(crate) fn topic_color(topic: Topic) -> owo_colors::XtermColors {
    let number = match topic {
        Topic::ServiceDiscovery => 26,
        Topic::AutomaticDetection => 30,
        Topic::Monitoring => 53,
        Topic::Metrology => 57,
        Topic::ConfigurationAutomation => 12,
        Topic::SystemCompliance => 8,
        Topic::Generic => 40,
    };
    owo_colors::XtermColors::from(number)
}

/// Counts the columns that a text takes: its letters, without the codes for colour.
pub(crate) fn display_width(text: &str) -> usize {
    anstream::adapter::strip_str(text)
        .to_string()
        .chars()
        .count()
}

/// Breaks a text between words so that each line fits; a word that is too long stays whole.
fn wrap(text: &str, room: Option<usize>) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let Some(room) = room.filter(|room| display_width(paragraph) > *room) else {
            lines.push(paragraph.to_owned());
            continue;
        };
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && display_width(&line) + 1 + display_width(word) > room {
                lines.push(std::mem::take(&mut line));
            } else if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(columns: Option<usize>, write: impl FnOnce(&mut Page), expect: &str) {
        let mut page = Page::new(columns);
        write(&mut page);
        assert_eq!(page.plain(), expect);
    }

    #[test]
    fn fields_stand_in_one_column_and_wrap_within_the_terminal() {
        let groups = "debian, docker-container, kvm, linux, zone::internet";
        check(
            Some(46),
            |page| page.field("Groups", groups),
            " Groups:             debian, docker-container,\n\
             \u{20}                    kvm, linux,\n\
             \u{20}                    zone::internet\n",
        );
        check(
            None,
            |page| page.field("Groups", groups),
            &format!(" Groups:             {groups}\n"),
        );
    }

    #[test]
    fn a_table_has_no_trailing_blanks_and_counts_letters_not_colour_codes() {
        let rows = vec![
            vec!["a".red().to_string(), "one".to_owned(), String::new()],
            vec!["long".to_owned(), "x".to_owned(), "last".to_owned()],
        ];
        check(
            None,
            |page| page.table(&[], &rows),
            "a     one\nlong  x    last\n",
        );
    }

    #[test]
    fn what_was_said_stands_behind_a_bar_and_within_the_terminal() {
        let said = "one two three four five six seven eight\nnine";
        check(
            Some(40),
            |page| page.said("    ", said),
            "    | one two three four five six seven\n    | eight\n    | nine\n",
        );
    }

    #[test]
    fn a_cell_without_room_stands_below_its_row() {
        let rows = [
            vec![
                "a-long-name".to_owned(),
                "ERROR".to_owned(),
                "it failed, and for no good reason".to_owned(),
            ],
            vec!["short".to_owned(), "OK".to_owned(), String::new()],
        ];
        let write = |page: &mut Page| page.table(&["name", "state", "about"], &rows);
        check(
            Some(40),
            write,
            "name         state  about\n\
             a-long-name  ERROR\n      it failed, and for no good reason\n\
             short        OK\n",
        );
        check(
            Some(52),
            write,
            "name         state  about\n\
             a-long-name  ERROR  it failed, and for no good\n                    reason\n\
             short        OK\n",
        );
    }

    #[test]
    fn one_long_cell_does_not_push_the_others_away() {
        let long = "a".repeat(30);
        let rows = [
            vec![long.clone(), "one".to_owned()],
            vec!["b".to_owned(), "two".to_owned()],
        ];
        let expect = format!("{long}  one\nb  two\n");
        check(Some(40), |page| page.table(&[], &rows), &expect);
    }

    #[test]
    fn titles_fill_the_width() {
        check(
            Some(40),
            |page| page.title("Packs"),
            &format!("{} Packs {}\n", "─".repeat(12), "─".repeat(21)),
        );
    }
}
