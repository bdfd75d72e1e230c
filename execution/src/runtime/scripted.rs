//! Workers that are not there, for tests.
