//! What the types say of themselves.

#![cfg(test)]

mod manifest_reference;
