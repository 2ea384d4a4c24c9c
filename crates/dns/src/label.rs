//! Names of people and machines as labels: any text gets one, and always the same.

use crate::punycode;

/// Longest label (RFC 1035).
pub(crate) const LABEL_BYTES_MAX: usize = 63;
/// Room for what keeps two texts apart that look alike as labels.
const STEM_BYTES_MAX: usize = 50;

/// Gives the label of a text: the text in lower case where that is one (`web-1`), its IDNA form
/// where only its letters are foreign (`xn--zrich-kva`), and else what can be read of it with eight
/// digits of its hash (`web-server-1-5f3c09d2`). So the label of a text never depends on others.
pub fn label(text: &str) -> String {
    let lower = text.to_lowercase();
    if is_label(&lower) {
        return lower;
    }
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    if !lower.is_ascii() && lower.chars().all(is_word) && is_framed(&lower) {
        let encoded = punycode::encode(&lower).map(|encoded| format!("xn--{encoded}"));
        if let Some(encoded) = encoded.filter(|encoded| encoded.len() <= LABEL_BYTES_MAX) {
            return encoded;
        }
    }
    let mut stem = String::new();
    for letter in lower.chars() {
        match letter.is_ascii_alphanumeric() || letter == '_' {
            true => stem.push(letter),
            false if !stem.is_empty() && !stem.ends_with('-') => stem.push('-'),
            false => {}
        }
        if stem.len() == STEM_BYTES_MAX {
            break;
        }
    }
    let stem = stem.trim_end_matches('-');
    let stem = if stem.is_empty() { "x" } else { stem };
    format!("{stem}-{:08x}", hash(text.as_bytes()) as u32)
}

/// Tells whether a text in lower case can stand as it is.
fn is_label(lower: &str) -> bool {
    let fits = (1..=LABEL_BYTES_MAX).contains(&lower.len());
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    // Only a text that is foreign letters may look like their encoded form.
    fits && lower.bytes().all(is_letter) && is_framed(lower) && !looks_encoded(lower)
}

fn looks_encoded(lower: &str) -> bool {
    lower.starts_with("xn--") && lower.len() == 4
}

fn is_framed(lower: &str) -> bool {
    !lower.starts_with('-') && !lower.ends_with('-')
}

/// FNV-1a: small, and the same in all versions and on all machines.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_has_one_stable_label() {
        for (text, expect) in [
            ("web-1", "web-1"),
            ("WEB_1", "web_1"),
            ("Zürich", "xn--zrich-kva"),
            ("日本", "xn--wgv71a"),
        ] {
            assert_eq!(label(text), expect);
        }
        for text in [
            "web server #1",
            "",
            "...",
            "-",
            "a.b",
            "zone::internet",
            "💥",
            "a\u{0}b",
        ] {
            let made = label(text);
            assert!(is_label(&made), "{text:?} gives {made}");
            assert_eq!(made, label(text));
        }
        let long = "é".repeat(300);
        assert!(label(&long).len() <= LABEL_BYTES_MAX);
        assert!(label(&"x".repeat(64)).len() <= LABEL_BYTES_MAX);
        assert!(label("web server 1").starts_with("web-server-1-"));
        assert_ne!(label("web server 1"), label("web.server.1"));
    }
}
