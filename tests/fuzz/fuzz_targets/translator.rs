//! Any text compiles as the script of a collector, or is refused; nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Place;

fuzz_target!(|text: &str| {
    let place = Place::new("fuzz", 1, 1);
    let _ = expr::compile_script(text, &place);
    // The mark makes an expression of it that is surely rhai's.
    let _ = expr::compile(&format!("let fuzz = 1; {text}"), &place);
});
