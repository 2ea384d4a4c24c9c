//! Whatever a source sends, each format reads or refuses it, and nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use packs::collector::Format;
use rules::formats::Parser;

fuzz_target!(|bytes: &[u8]| {
    let formats = [
        Format::Json,
        Format::Nagios,
        Format::Prometheus,
        Format::KeyValue {
            separator: ":".into(),
        },
        Format::Table {
            separator: None,
            columns: Vec::new(),
            key: Vec::new(),
            only: Vec::new(),
        },
        Format::Table {
            separator: Some(",".into()),
            columns: vec!["a".into(), "b".into()],
            key: vec!["a".into()],
            only: Vec::new(),
        },
        Format::Regexp {
            pattern: r"(?<name>\w+)\W+(?<value>[\d.]+)".into(),
            lines: true,
            key: None,
        },
    ];
    for format in &formats {
        if let Ok(parser) = Parser::new(format) {
            let _ = parser.parse(bytes);
        }
    }
});
