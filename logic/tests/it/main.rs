//! The logic environment over HTTP, with a scripted environment that answers its tasks.

#![cfg(test)]

mod alarm_channels;
mod alarm_tests;
mod alarms;
mod audit;
mod away;
mod bad_input;
mod bounds;
mod control;
mod discovery;
mod events;
mod floors;
mod history;
mod inventory;
mod keys;
mod ledger;
mod loans;
mod login;
mod metrics;
mod observe;
mod openapi;
mod orders;
mod overview;
mod passed_on;
mod people;
mod policies;
mod releases;
mod rights;
mod rollouts;
mod room;
mod rotation;
mod secret_parameters;
mod secrets;
mod store;
mod undo;
mod vault;
mod web;
