//! The generated code agrees with the protocol file.

mod generated;
