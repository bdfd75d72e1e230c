//! The commands, one file each.

pub mod alarm;
pub mod apply;
pub mod audit;
pub mod completions;
pub mod config;
pub mod control;
pub mod credential;
pub mod delete;
pub mod discover;
pub mod discovery;
pub mod doctor;
pub mod drill;
pub mod envelope;
pub mod environment;
pub mod error;
pub mod get;
pub mod history;
pub mod kind;
pub mod login;
pub mod notification;
pub mod operation;
mod order;
pub mod person;
pub mod pki;
pub mod policy;
pub mod profile;
pub mod read;
pub mod role;
pub mod rollout;
pub mod secret;
pub mod status;
pub mod store;
pub mod target;
pub mod task;
pub mod token;
pub mod up;
pub mod watch;
pub mod why;
pub mod worker;

pub use utakata_up::role::{hub, le, wee};

use anyhow::Result;
use utakata_api::Client;
use utakata_up::{folder::Folder, log, role as process};

use crate::{
    connection::{self, Purpose},
    global::Global,
    output::{Output, time},
};

/// Everything that a command has access to besides its own arguments.
#[derive(Debug)]
pub struct Context<'a> {
    /// The arguments that every command has.
    pub global: &'a Global,
    /// The format of the output.
    pub output: &'a Output,
    pub purpose: Purpose,
    /// The grammar of all commands and their arguments.
    pub grammar: fn() -> clap::Command,
}

impl Context<'_> {
    /// Returns a client of the selected server.
    pub fn client(&self) -> Result<Client> {
        connection::client(self.global, self.purpose)
    }

    /// Returns the context of a process that runs until it is asked to end.
    pub fn role(&self) -> process::Context<'_> {
        process::Context {
            data: self.global.data.clone(),
            log: log::Style {
                colours: self.output.error_colours(),
                zone: time::here().clone(),
            },
            alteration: &(),
        }
    }

    /// Returns the given data directory, or the default one.
    fn data_folder(&self) -> Result<Folder> {
        let named = self.global.data.as_deref();
        Ok(Folder::named_or(named, Folder::default_place)?)
    }
}
