//! Foreign text made fit for a service: no control characters, and no longer than it takes.

/// Makes one line of a text: line breaks and other control characters become spaces. No more of a
/// text is looked at than it takes.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let mut line = String::new();
    let mut count = 0;
    let mut is_between = false;
    for sign in clean(text) {
        if sign.is_whitespace() {
            is_between = !line.is_empty();
            continue;
        }
        if std::mem::take(&mut is_between) {
            line.push(' ');
            count += 1;
        }
        line.push(sign);
        count += 1;
        if count > chars_max {
            break;
        }
    }
    cut(&line, chars_max)
}

/// Gives a text with its lines, without control characters, cut at a number of characters; a cut is
/// shown.
pub(crate) fn lines(text: &str, chars_max: usize) -> String {
    let kept: String = clean(text.trim_end()).take(chars_max + 1).collect();
    cut(kept.trim_end(), chars_max)
}

/// Gives a text with its lines, cut at a number of bytes; a cut is shown.
pub(crate) fn lines_in_bytes(text: &str, bytes_max: usize) -> String {
    // A character has at least one byte, so these are enough.
    let kept: String = clean(text.trim_end()).take(bytes_max + 1).collect();
    let kept = kept.trim_end();
    if kept.len() <= bytes_max {
        return kept.to_owned();
    }
    let room = bytes_max.saturating_sub(CUT.len());
    format!("{}{CUT}", &kept[..kept.floor_char_boundary(room)])
}

const CUT: &str = " … (cut)";

fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let room = chars_max.saturating_sub(CUT.chars().count());
    let kept: String = text.chars().take(room).collect();
    kept + CUT
}

/// Takes out what would steer a terminal or end a message early: control characters other than the
/// line break and the tab, and the marks that turn the direction of writing.
fn clean(text: &str) -> impl Iterator<Item = char> {
    let mut signs = text.chars().peekable();
    std::iter::from_fn(move || {
        loop {
            let sign = signs.next()?;
            match sign {
                '\n' | '\t' => return Some(sign),
                '\r' if signs.peek() == Some(&'\n') => {}
                '\r' | '\u{2028}' | '\u{2029}' | '\u{85}' => return Some('\n'),
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
                _ if sign.is_control() => {}
                _ => return Some(sign),
            }
        }
    })
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
