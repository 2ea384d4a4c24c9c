//! Packets as servers send them, and junk.
