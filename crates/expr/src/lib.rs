//! The expression language of packs: Python's expressions, `{{references}}`, and functions.
//!
//! A text is compiled once, when it is loaded: `lexer` (words with places) → `parser` (the tree as
//! written) → `check` (names, arguments, constants folded) → [`Program`]. A program is evaluated
//! often, by `evaluate`, against an [`Env`] that resolves references when they are needed and does
//! whatever touches the machine. Text in rhai's own syntax takes the road of `rhai_text` instead.
//!
//! Nothing here reads a clock, a file or a socket; nothing a value holds can become code; and every
//! evaluation ends, by the limits of [`model::limits`]. Start at [`compile`] and [`Env`].

mod arithmetic;
mod budget;
mod call;
mod check;
mod compare;
mod convert;
mod datum;
mod dialect;
mod digest;
mod document;
mod env;
mod evaluate;
mod explanation;
mod failure;
mod fleet;
mod format_spec;
mod function;
mod functions;
mod layout;
mod lexer;
mod methods;
mod origin;
mod palette;
mod parser;
mod path;
mod percent_format;
mod program;
mod quoted;
mod reference;
mod repr;
mod rhai_text;
mod script;
mod sort;
mod statistics;
mod stop;
mod syntax;
mod template;
mod tree;

pub use env::{Account, Agreed, Env, LinePattern, MachineCall, Source};
pub use explanation::{Explanation, Outcome};
pub use failure::{Failure, Unknown};
pub use fleet::{Coverage, Fleet, Member};
pub use function::{Accepts, Argument, Constant, Function, Reach, functions};
pub use origin::Origin;
pub use program::{Answer, Program, compile};
pub use reference::{Reference, Root, Segment};
pub use script::{Inputs, Script, compile_script};
pub use template::{Template, compile_template};
