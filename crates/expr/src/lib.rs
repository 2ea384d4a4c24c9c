//! The expression language of packs: Python's expressions, `{{references}}`, and functions.
//!
//! A text is compiled once, when it is loaded: `lexer` (words with places) → `parser` (the tree as
//! written) → `check` (names, arguments, constants folded) → [`Program`]. A program is evaluated
//! often, by `evaluate`, against an [`Env`] that resolves references when they are needed and does
//! whatever touches the machine. Text in rhai's own syntax takes the road of `rhai_text` instead.
//!
//! Nothing here reads a clock, a file or a socket; nothing a value holds can become code; and every
//! evaluation ends, by the limits of [`model::limits`]. Start at [`compile`] and [`Env`].

mod env;
mod explanation;
mod failure;
mod function;
mod origin;
mod program;
mod reference;
mod script;
mod template;

pub use env::{Account, Env, LinePattern, MachineCall, Source};
pub use explanation::{Explanation, Outcome};
pub use failure::{Failure, Unknown};
pub use function::{Accepts, Argument, Constant, Function, Reach, functions};
pub use origin::Origin;
pub use program::{Answer, Program, compile};
pub use reference::{Reference, Root, Segment};
pub use script::{Inputs, Script, compile_script};
pub use template::{Template, compile_template};
