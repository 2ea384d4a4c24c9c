//! `hash`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "hash",
    group: "hash",
    doc: "Gives the digest of a text in hexadecimal digits. Algorithms are md5 sha1 sha224 \
        sha256 sha384 sha512.",
    arguments: &[
        required("string", Accepts::Text),
        required("algorithm", Accepts::Text),
    ],
    returns: "a text",
    reach: Reach::Arguments,
    examples: &[
        ("hash('abc', 'md5')", "900150983cd24fb0d6963f7d28e17f72"),
        (
            "hash('abc', 'sha1')",
            "a9993e364706816aba3e25717850c26c9cd0d89d",
        ),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let text = call.text(0)?;
    let algorithm = digest::Algorithm::parse(call.text(1)?)?;
    // A digest costs about ten times as much as reading (measured).
    call.budget.spend_text(text.len().saturating_mul(10))?;
    Ok(Datum::text(algorithm.digest(text.as_bytes())))
}
