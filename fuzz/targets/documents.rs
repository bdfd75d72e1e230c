//! Runs [`utakata_fuzz::documents`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| utakata_fuzz::documents(data));
