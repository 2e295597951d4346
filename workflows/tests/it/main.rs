//! Workflows as a whole: open sessions survive this commit, and the slots program answers at a prompt.

mod prompt;
mod replay;
