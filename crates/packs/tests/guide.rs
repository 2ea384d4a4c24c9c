//! The guide for authors of packs: its examples load, lint clean, pass, and give what it says.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads the guide and the packs of the repository from the disk"
)]

use std::path::Path;

use expr::{Env, Reference, Unknown};
use model::{Level, Place, Value};
use packs::{File, PackFiles, Registry};

const GUIDE: &str = include_str!("../../../docs/packs.md");

/// Gives the text of each fenced block of a language.
fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    GUIDE
        .split("\n```")
        .skip(1)
        .step_by(2)
        .filter_map(move |block| block.strip_prefix(language)?.strip_prefix('\n'))
}

/// Gathers the blocks whose first line is `# PACK/PATH`, or `# local/PACK/PATH`.
fn examples(start: &str, level: Level, files: &mut PackFiles) {
    for block in blocks("yaml").chain(blocks("text")) {
        let (first, text) = block.split_once('\n').unwrap();
        let path = first.strip_prefix("# ").unwrap();
        if path.starts_with(start) {
            let path = path.trim_start_matches("local/");
            files.add(level, path, File::new(first, text.as_bytes()));
        }
    }
}

#[test]
fn the_example_pack_lints_clean_and_its_cases_pass() {
    let mut files = PackFiles::new();
    examples("mine/", Level::Global, &mut files);
    let mine: Vec<_> = files.folder(Level::Global, "mine").into_iter().collect();
    assert!(mine.iter().any(|folder| folder.files.len() > 10));
    let lint = packs::lint::lint(&files, None);
    let told: Vec<String> = lint.diagnostics.iter().map(|it| it.render()).collect();
    assert!(told.is_empty(), "\n{}", told.join("\n"));
    let outcomes = packs::cases::run(&files, &Registry::load(&files, None));
    assert!(
        outcomes.passed() && outcomes.cases.len() > 4,
        "{outcomes:#?}"
    );
}

#[test]
fn the_example_overlay_changes_what_it_says_and_nothing_else() {
    let mut files = PackFiles::new();
    examples("local/", Level::Local, &mut files);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/global/linux");
    for path in [
        "package.yml",
        "parameters/parameters.yml",
        "monitoring/cpu.yml",
    ] {
        let bytes = std::fs::read(root.join(path)).unwrap();
        files.add(
            Level::Global,
            &format!("linux/{path}"),
            File::new(path, bytes),
        );
    }
    let registry = Registry::load(&files, None);
    assert_eq!(registry.diagnostics(), []);
    let linux = registry.pack("linux").unwrap();
    let cpu = &linux.checks[0];
    assert_eq!(
        (cpu.timing.interval.as_secs(), cpu.timing.attempts),
        (60, 1)
    );
    assert!(!cpu.if_group.is_all());
    let shown = linux.parameters.shown();
    assert_eq!(shown.get("diskuse_critical"), Some(&Value::Int(98)));
    assert_eq!(shown.get("diskuse_warning"), Some(&Value::Int(90)));
}

/// A world that knows nothing.
struct Nothing;

impl Env for Nothing {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        Err(Unknown::new(format!("{reference} is not known")))
    }
}

#[test]
fn the_example_expressions_give_what_is_written_beside_them() {
    let lines: Vec<&str> = blocks("expressions").flat_map(str::lines).collect();
    assert!(lines.len() > 15);
    for line in lines {
        let (text, expected) = line.rsplit_once("  # ").unwrap();
        let program = expr::compile(text.trim(), &Place::new("guide", 1, 1)).unwrap();
        let answer = program.answer(&Nothing).unwrap();
        assert_eq!(answer.text, expected, "{text}");
    }
}
