//! Runs [`utakata_fuzz::snmp`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| utakata_fuzz::snmp(data));
