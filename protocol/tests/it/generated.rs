//! `UPDATE=1 cargo nextest run -p utakata-protocol` writes the generated code anew.

use std::{fs, path::Path};

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
