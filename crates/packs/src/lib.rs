//! Pack text to typed, checked definitions, every error with file:line.
//!
//! A pack is a folder of YAML that ops people edit. This crate reads a *tree of files*
//! ([`PackFiles`]), which the caller took from the disk or from the copy inside the program, and
//! gives what it means ([`Registry`]) and what is wrong with it. It never touches the disk, a clock
//! or a server: what stands there is an input, and an edit gives the new text back.
//!
//! One file here for each kind of object, with its noun: [`check`], [`detector`], [`collector`] …
//! Start with [`Registry::load`].

pub mod calendar;
pub mod cases;
pub mod check;
pub mod collector;
pub mod compliance;
pub mod dashboard;
pub mod detector;
mod expression;
mod fields;
mod files;
pub mod generator;
pub mod handler;
pub mod levels;
pub mod lint;
pub mod native_collectors;
mod object;
mod overlay;
pub mod package;
pub mod parameters;
pub mod pattern;
mod registry;
mod report;
mod scope;
pub mod service;
pub mod template;
pub mod tutorial;
pub mod yaml;

pub use calendar::Calendar;
pub use expression::{Expression, RawText, Setting, Variable};
pub use files::{File, Folder, PackFiles};
pub use object::Home;
pub use pattern::{Pattern, Patterns};
pub use registry::{Broken, Pack, Registry};
pub use scope::Scope;
