//! Labels with letters outside of ASCII, as the DNS carries them (RFC 3492).

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const BIAS_FIRST: u32 = 72;
const N_FIRST: u32 = 128;

/// Encodes a label without its prefix; nothing when its numbers leave 32 bits.
pub(crate) fn encode(label: &str) -> Option<String> {
    let letters: Vec<u32> = label.chars().map(u32::from).collect();
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).ok()?;
    let all = u32::try_from(letters.len()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let (mut n, mut delta, mut bias, mut done) = (N_FIRST, 0_u32, BIAS_FIRST, basic);
    while done < all {
        let next = letters.iter().copied().filter(|it| *it >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(done + 1)?)?;
        n = next;
        for letter in letters.iter().copied() {
            if letter < n {
                delta = delta.checked_add(1)?;
            } else if letter == n {
                write_number(&mut out, delta, bias);
                bias = adapt(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n = n.checked_add(1)?;
    }
    Some(out)
}

/// Writes a number of variable length: a digit below the threshold ends it.
fn write_number(out: &mut String, number: u32, bias: u32) {
    let mut rest = number;
    let mut k = BASE;
    loop {
        let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if rest < threshold {
            break;
        }
        let span = BASE - threshold;
        out.push(digit(threshold + (rest - threshold) % span));
        rest = (rest - threshold) / span;
        k += BASE;
    }
    out.push(digit(rest));
}

fn digit(value: u32) -> char {
    let digits = b"abcdefghijklmnopqrstuvwxyz0123456789";
    char::from(digits[value as usize % digits.len()])
}

fn adapt(delta: u32, points: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_encoded_as_in_the_rfc() {
        for (label, encoded) in [
            ("bücher", "bcher-kva"),
            ("zürich", "zrich-kva"),
            ("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
            ("ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn"),
            (
                "почемужеонинеговорятпорусски",
                "b1abfaaepdrnnbgefbadotcwatmq2g4l",
            ),
            ("3年b組金八先生", "3b-ww4c5e180e575a65lsy2b"),
            ("ü", "tda"),
        ] {
            assert_eq!(encode(label).as_deref(), Some(encoded), "{label}");
        }
    }
}
