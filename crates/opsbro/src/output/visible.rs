//! What may go to a terminal: letters, ends of lines and colours.
//!
//! Much of what is shown was made by others: events, outputs of checks, names, refusals. Other
//! codes move the cursor, change the title or write to the clipboard, and signs of direction let a
//! text look like another one.

/// Shows what a terminal would do instead of letting it. Colours stay, ours among them.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_hidden) {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = match colour(rest) {
            Some(end) => {
                shown.push_str(&rest[..end]);
                end
            }
            // An end of line as others write it.
            None if rest.starts_with("\r\n") => 1,
            None => {
                let hidden = rest.chars().next();
                shown.extend(hidden.into_iter().flat_map(char::escape_default));
                hidden.map_or(rest.len(), char::len_utf8)
            }
        };
        rest = &rest[end..];
    }
    shown.push_str(rest);
    shown
}

fn is_hidden(c: char) -> bool {
    let turns_direction = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    turns_direction || (c.is_control() && !matches!(c, '\n' | '\t'))
}

/// Gives the length of the code for a colour with which a text begins.
fn colour(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let length = numbers.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    numbers[length..].starts_with('m').then_some(length + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_pass_and_everything_else_is_shown() {
        for (text, expect) in [
            ("plain é →\n\tx", "plain é →\n\tx"),
            ("\u{1b}[38;5;26mx\u{1b}[0m", "\u{1b}[38;5;26mx\u{1b}[0m"),
            ("\u{1b}[m", "\u{1b}[m"),
            ("a\u{1b}]52;c;eA==\u{7}b", r"a\u{1b}]52;c;eA==\u{7}b"),
            ("\u{1b}[2J\u{1b}[1;1H", r"\u{1b}[2J\u{1b}[1;1H"),
            ("\u{1b}[31\u{1b}[m", "\\u{1b}[31\u{1b}[m"),
            ("\u{9b}2J\u{7f}\r", r"\u{9b}2J\u{7f}\r"),
            ("\u{202e}txt\u{2066}", r"\u{202e}txt\u{2066}"),
            ("a\r\nb", "a\nb"),
            ("\u{1b}", r"\u{1b}"),
            ("\u{1b}[1", r"\u{1b}[1"),
        ] {
            assert_eq!(visible(text), expect, "{text:?}");
        }
    }
}
