//! Runs [`utakata_fuzz::wire`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| utakata_fuzz::wire(data));
