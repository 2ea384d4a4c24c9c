//! Whatever compiles can be evaluated and explained, with an end and without a panic.

#![no_main]

use expr::{Env, Reference, Unknown};
use libfuzzer_sys::fuzz_target;
use model::{Place, Value};

struct World;

impl Env for World {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        let tree = Value::map([
            ("memory", Value::map([("phys_used", Value::Float(91.5))])),
            ("ports", Value::list([Value::Int(22), Value::Int(80)])),
            ("name", Value::from("web1")),
        ]);
        reference.walk(&tree)
    }
}

fuzz_target!(|text: &str| {
    let place = Place::new("fuzz", 1, 1);
    if let Ok(program) = expr::compile(text, &place) {
        let _ = program.answer(&World);
        let _ = program.explain(&World);
    }
    if let Ok(template) = expr::compile_template(text, &place) {
        let _ = template.evaluate(&World);
    }
});
