//! The client of the agent: decides whether a path is managed, and asks the agent for it. It uses
//! no heap, holds no lock, leaves errno alone and hooks nothing, so that it may run within any call
//! of any program.
#![no_std]

#[cfg(test)]
extern crate std;

mod bitmap;
mod client;
mod connection;
mod descriptor;
mod incoming;
mod lease;
mod managed;
mod owner;
mod pool;
mod protocol;
mod settings;
pub mod sys;
mod text;
mod variables;

pub use bitmap::Bitmap;
pub use client::{Client, Failure, Said};
pub use descriptor::{decimal, path_of};
pub use lease::{Writers, writers};
pub use managed::{Directory, Place, leads_as_written, locate, may_be_managed};
pub use owner::{Owner, Process};
pub use protocol::{Answer, Record, Request};
pub use settings::{AgentMissing, Settings, Stat, Unusable};
pub use text::{PathText, Text};
