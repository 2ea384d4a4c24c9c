//! MongoDB, of which Debian has no package: what is made of its answers is tried on a recording.

use tests::Watch;

#[test]
fn mongodb_without_its_shell_says_what_to_install() {
    let watch = Watch::new("mongodb", &["mongodb"], "uri: mongodb://127.0.0.1:1\n");
    let reason = watch.reason("mongodb", "NOT-ELIGIBLE");
    assert!(
        reason.contains("there is no program \"mongosh\""),
        "{reason}"
    );
    assert!(reason.contains("install the program"), "{reason}");
}
