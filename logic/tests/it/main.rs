//! The logic environment over HTTP, with a scripted environment that answers its tasks.

#![cfg(test)]

mod bad_input;
mod control;
mod events;
mod inventory;
mod observe;
mod openapi;
mod room;
mod speed;
