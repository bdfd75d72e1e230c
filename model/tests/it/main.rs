//! The descriptions that types give of themselves.

#![cfg(test)]

mod manifest_reference;
