//! What only real processes can prove, one file per noun.

mod agent;
