//! The program as a person calls it, in a folder of its own and without an agent.
//!
//! Each test is a transcript: the command line, what it said, and its exit code.

mod agent;
mod evaluator;
mod forms;
mod packs;
mod sandbox;
mod usage;
