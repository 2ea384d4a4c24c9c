//! The tree itself is tidy, and each check is listed.

use std::path::Path;

use super::*;

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap();
    let found = tidy(&root).unwrap();
    let lines: Vec<_> = found
        .iter()
        .flat_map(|(check, findings)| {
            findings
                .iter()
                .map(move |one| format!("{one} [{}]", check.name))
        })
        .collect();
    assert!(
        lines.is_empty(),
        "{} findings:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

#[test]
fn each_check_has_a_file_a_name_and_a_sentence() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tidy");
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            std::fs::read_to_string(path).is_ok_and(|text| text.contains("const CHECK: Check"))
        })
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    files.retain(|name| name != "tests");
    files.sort();
    let mut names: Vec<_> = ALL.iter().map(|check| check.name).collect();
    names.sort_unstable();
    assert_eq!(names, files);
    for check in ALL {
        assert!(
            check.doc.ends_with('.'),
            "the doc of {} is a sentence",
            check.name
        );
    }
}

/// Checks that these are the findings: as many, and each says what is expected of it.
#[track_caller]
pub(super) fn check_texts(found: &[Finding], expect: &[&str]) {
    assert_eq!(found.len(), expect.len(), "{found:?}");
    for (found, expect) in found.iter().zip(expect) {
        assert!(found.text.contains(expect), "{found:?} says {expect:?}");
    }
}
