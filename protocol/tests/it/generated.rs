//! `UPDATE=1 cargo nextest run -p utakata-protocol` regenerates the code.

use std::{fmt::Write as _, fs, path::Path};

use prost::Message as _;

#[test]
fn the_generated_code_is_what_the_protocol_file_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors = protox::compile(["worker.proto"], [root.join("proto")]).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    tonic_prost_build::configure()
        .out_dir(fresh.path())
        .btree_map(".utakata.worker.v1.Reading.attributes")
        .compile_fds(descriptors)
        .unwrap();
    let fresh = fs::read_to_string(fresh.path().join("utakata.worker.v1.rs")).unwrap();
    let committed = root.join("src/generated/utakata.worker.v1.rs");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&committed, &fresh).unwrap();
    }
    let committed = fs::read_to_string(committed).unwrap_or_default();
    assert!(
        committed == fresh,
        "run: UPDATE=1 cargo nextest run -p utakata-protocol"
    );
}

#[test]
fn the_description_in_the_python_sdk_is_what_the_protocol_file_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors = protox::compile(["worker.proto"], [root.join("proto")]).unwrap();
    let mut file = descriptors.file[0].clone();
    // Comments are for people only.
    file.source_code_info = None;
    let bytes = file.encode_to_vec();
    let mut fresh = String::from(
        "\"\"\"worker.proto, described by itself (FileDescriptorProto). Made by a test of \
         utakata-protocol.\"\"\"\n\nDESCRIPTOR = bytes.fromhex(\n",
    );
    for line in bytes.chunks(40) {
        fresh.push_str("    \"");
        for byte in line {
            write!(fresh, "{byte:02x}").unwrap();
        }
        fresh.push_str("\"\n");
    }
    fresh.push_str(")\n");
    let committed = root.join("../sdk/python/utakata_worker/_descriptor.py");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&committed, &fresh).unwrap();
    }
    let committed = fs::read_to_string(committed).unwrap_or_default();
    assert!(
        committed == fresh,
        "run: UPDATE=1 cargo nextest run -p utakata-protocol"
    );
}
