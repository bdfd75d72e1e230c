//! Runs [`utakata_fuzz::history`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| utakata_fuzz::history(data));
