//! The shipped releases.

use utakata_worker_sdk::Release;
use utakata_worker_snmp::SnmpWorker;

use crate::device::folder;

#[test]
fn every_shipped_release_can_be_used() {
    let releases = folder("");
    let mut kinds = 0;
    for entry in std::fs::read_dir(releases).unwrap() {
        let path = entry.unwrap().path();
        let release = Release::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error:?}"));
        let name = path.file_name().and_then(|name| name.to_str());
        assert_eq!(Some(release.manifest.kind.as_str()), name);
        assert!(release.manifest.default_observe().is_some());
        SnmpWorker::of(&release).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        kinds += 1;
    }
    assert_eq!(kinds, 6);
}
