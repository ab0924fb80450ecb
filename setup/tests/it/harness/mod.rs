//! The tests' environment: a simulated WhatsApp, the program, and a terminal for it.

mod program;
mod terminal;
mod world;

pub use program::Program;
pub use terminal::Terminal;
pub use world::{TOKEN, WABA_ID, World};
