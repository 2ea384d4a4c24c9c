//! Any text compiles, as expression and as raw text with holes, or is refused; nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Place;

fuzz_target!(|text: &str| {
    let place = Place::new("fuzz", 1, 1);
    let _ = expr::compile(text, &place);
    let _ = expr::compile_template(text, &place);
});
