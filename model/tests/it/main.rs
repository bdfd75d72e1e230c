//! What the types say of themselves.

mod manifest_reference;
