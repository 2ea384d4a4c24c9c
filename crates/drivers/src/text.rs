//! Foreign text made fit for a service: no control characters, and no longer than it takes.

/// Makes one line of a text: line breaks and other control characters become spaces.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let mut line = String::new();
    for word in clean(text).split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.chars().count() > chars_max {
            break;
        }
    }
    cut(&line, chars_max)
}

/// Gives a text with its lines, without control characters, cut at a number of characters; a cut is
/// shown.
pub(crate) fn lines(text: &str, chars_max: usize) -> String {
    cut(clean(text).trim_end(), chars_max)
}

/// Gives a text with its lines, cut at a number of bytes; a cut is shown.
pub(crate) fn lines_in_bytes(text: &str, bytes_max: usize) -> String {
    let text = clean(text);
    let text = text.trim_end();
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let room = bytes_max.saturating_sub(CUT.len());
    format!("{}{CUT}", &text[..text.floor_char_boundary(room)])
}

const CUT: &str = " … (cut)";

fn cut(text: &str, chars_max: usize) -> String {
    if text.len() <= chars_max || text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let room = chars_max.saturating_sub(CUT.chars().count());
    let kept: String = text.chars().take(room).collect();
    kept + CUT
}

/// Takes out what would steer a terminal or end a message early: control characters other than the
/// line break and the tab, and the marks that turn the direction of writing.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.chars()
        .filter_map(|sign| match sign {
            '\n' | '\t' => Some(sign),
            '\r' | '\u{2028}' | '\u{2029}' | '\u{85}' => Some('\n'),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
            _ if sign.is_control() => None,
            _ => Some(sign),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_short() {
        assert_eq!(one_line("a\r\nBcc: x@y\tb", 80), "a Bcc: x@y b");
        assert_eq!(one_line("\u{1b}[31mred\0\u{7}", 80), "[31mred");
        assert_eq!(
            one_line("é".repeat(100).as_str(), 20),
            "éééééééééééé … (cut)"
        );
        assert_eq!(one_line(&"word ".repeat(300_000), 10), "wo … (cut)");
        assert_eq!(one_line("\u{202e}evil\u{2028}x", 80), "evil x");
    }

    #[test]
    fn lines_stay_lines_and_are_cut_where_they_may() {
        assert_eq!(lines("a\r\nb\rc\n\n", 80), "a\nb\nc");
        assert_eq!(lines("äöü", 3), "äöü");
        assert_eq!(lines("äöüß", 3), " … (cut)");
        assert_eq!(lines_in_bytes("äöü", 6), "äöü");
        assert_eq!(lines_in_bytes("äöüäöüäöü", 17), "äöü … (cut)");
    }
}
