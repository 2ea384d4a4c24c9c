//! Chores of this repository, as `cargo xtask <chore>`.
//!
//! Nothing here is part of the program. Start with [`tidy`], which says what a tidy house is; each
//! of its checks is a file of its own in `tidy/`, and [`mod@bench`], which measures.

pub mod bench;
pub mod cargo_deny;
pub mod deny;
pub mod docs;
pub mod house;
pub mod metadata;
pub mod source;
pub mod spdx;
pub mod tidy;
