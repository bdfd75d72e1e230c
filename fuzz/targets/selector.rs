//! Runs [`utakata_fuzz::selector`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| utakata_fuzz::selector(data));
