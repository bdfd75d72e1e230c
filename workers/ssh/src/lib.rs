//! The worker for hosts by SSH. What is run there, and what its output means, is data that is signed
//! with the release: see [`profile`]. There is no way to run anything else.
//!
//! From the inside out: [`argument`] makes a command of arguments, [`profile`] is the meaning of
//! outputs, [`decode`] their interpretation, [`credential`] who logs in and which host key is the
//! right one (all four are pure); [`session`] talks to one host; [`worker`] carries out tasks.

pub mod argument;
pub mod credential;
pub mod decode;
pub mod profile;
pub mod session;
pub mod worker;

pub use worker::SshWorker;
