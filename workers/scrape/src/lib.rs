//! The worker for exporters of Prometheus: a page of samples in text. Which samples are kept, and
//! what they mean, is data: see [`profile`].
//!
//! From the inside out: [`sample`] is the text of a page, [`profile`] the meaning of samples,
//! [`decode`] their interpretation (all three are pure); [`worker`] carries out tasks.

pub mod decode;
pub mod profile;
pub mod sample;
pub mod worker;

pub use worker::ScrapeWorker;
