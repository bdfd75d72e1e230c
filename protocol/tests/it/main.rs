//! The generated code and the protocol file say the same.

mod generated;
