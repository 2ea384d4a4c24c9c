//! `file_hash_match`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "file_hash_match",
    group: "hash",
    doc: "Tells whether the digest of a file is the given one. Algorithms are those of hash.",
    arguments: &[
        required("path", Accepts::Text),
        required("algorithm", Accepts::Text),
        required("hash_match", Accepts::Text),
    ],
    returns: "a boolean",
    reach: Reach::Machine,
    examples: &[("file_hash_match('/etc/passwd', 'md5', 'x')", "False")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let algorithm = digest::Algorithm::parse(call.text(1)?)?;
    let path = call.text(0)?.clone();
    let digest = call.machine(MachineCall::HashFile {
        path,
        algorithm: algorithm.name().into(),
    })?;
    let expected = call.text(2)?.trim().to_lowercase();
    Ok(Datum::Bool(
        matches!(digest, Datum::Text(digest) if *digest == *expected),
    ))
}
