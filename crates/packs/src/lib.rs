//! Pack text to typed, checked definitions, every error with file:line.
//!
//! A pack is a folder of YAML that ops people edit. This crate reads a *tree of files*, which the
//! caller took from the disk or from the copy inside the program, and says what it means and what
//! is wrong with it. It never touches the disk: what stands there is an input, and an edit gives
//! the new text back.
//!
//! Start with [`yaml`], which every other room here reads through.

pub mod yaml;
