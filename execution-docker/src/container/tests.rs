use utakata_model::{
    EnvironmentId, Incarnation, ReleaseDigest, ReleaseId, WorkerId,
    manifest::{
        Run,
        limits::{Memory, Network},
    },
};

use utakata_execution::{Artifact, artifact::Image, runtime::Life};

use super::*;

fn spec() -> Spec {
    Spec {
        worker: WorkerId::new("echo-1").unwrap(),
        life: Life {
            environment: EnvironmentId::new("lab").unwrap(),
            incarnation: Incarnation::from_bytes([7; 16]),
        },
        release: ReleaseId {
            kind: "echo".parse().unwrap(),
            version: "1.0".into(),
            digest: ReleaseDigest("echo-1.0".into()),
        }
        .into(),
        folder: "/releases/echo".into(),
        artifact: Artifact::Image(Image::Archive("/releases/echo/image.tar".into())),
        run: Run {
            arguments: vec!["-v".into()],
            ..Run::program("bin/echo")
        },
        socket: "/run/user/1/door/workers.sock".into(),
        loopback: None,
        door: None,
        is_trial: false,
        control_within: std::time::Duration::ZERO,
        token: "secret".into(),
        variables: vec![
            ("PATH".into(), "/usr/bin".into()),
            ("RUST_LOG".into(), "debug".into()),
        ],
    }
}

fn ready() -> Ready {
    Ready {
        id: "sha256:1".into(),
        platform: "linux/amd64".into(),
        engine: "linux/amd64".into(),
        user: None,
        manifest: None,
    }
}

#[test]
fn a_container_can_do_no_more_than_a_worker_needs() {
    let body = body(&spec(), &ready(), &config::Docker::default());
    assert_eq!(body.user.as_deref(), Some("65532:65532"));
    let host = body.host_config.unwrap();
    assert_eq!(host.cap_drop, Some(vec!["ALL".into()]));
    assert_eq!(host.cap_add, None);
    assert_eq!(host.security_opt, Some(vec!["no-new-privileges".into()]));
    assert_eq!(
        (host.privileged, host.readonly_rootfs),
        (Some(false), Some(true))
    );
    assert_eq!(host.network_mode.as_deref(), Some("none"));
    assert_eq!(
        (host.memory, host.memory_swap),
        (Some(256 << 20), Some(256 << 20))
    );
    assert_eq!(
        (host.nano_cpus, host.pids_limit),
        (Some(1_000_000_000), Some(64))
    );
    assert_eq!(host.devices, None);
    let [mount] = host.mounts.unwrap().try_into().unwrap();
    assert_eq!(mount.source.as_deref(), Some("/run/user/1/door"));
    assert_eq!(
        (mount.target.as_deref(), mount.read_only),
        (Some(DOOR), Some(true))
    );
}

#[test]
fn it_is_told_where_its_manager_is_and_no_place_of_this_machine() {
    let body = body(&spec(), &ready(), &config::Docker::default());
    let expect = [
        "RUST_LOG=debug",
        "UTAKATA_ENDPOINT=unix:/run/utakata/workers.sock",
        "UTAKATA_TOKEN=secret",
        "UTAKATA_RELEASE=/",
    ];
    assert_eq!(body.env.unwrap(), expect);
    assert_eq!(body.entrypoint.unwrap(), ["/bin/echo"]);
    assert_eq!(body.cmd.unwrap(), ["-v"]);
}

#[test]
fn its_labels_say_whose_it_is() {
    let labels = labels(&spec());
    let label = |name: &str| labels[name].as_str();
    assert_eq!(label("utakata.environment"), "lab");
    assert_eq!(
        label("utakata.incarnation"),
        spec().life.incarnation.to_string()
    );
    assert_eq!(label("utakata.worker"), "echo-1");
    assert!(label("utakata.release").starts_with("echo@1.0"));
}

#[test]
fn a_manifest_may_ask_for_other_limits_and_a_network() {
    let mut spec = spec();
    spec.run.network = Network::Host;
    spec.run.memory = Some(Memory::mebibytes(64));
    spec.run.cpus = Some(serde_json::from_str("0.5").unwrap());
    spec.run.pids = Some(7);
    let host = host(&spec, &config::Docker::default());
    assert_eq!(host.network_mode.as_deref(), Some("host"));
    assert_eq!(
        (host.memory, host.memory_swap),
        (Some(64 << 20), Some(64 << 20))
    );
    assert_eq!(
        (host.nano_cpus, host.pids_limit),
        (Some(500_000_000), Some(7))
    );
}

#[test]
fn a_user_that_is_root_by_any_name_is_replaced() {
    for root in [
        None,
        Some(""),
        Some("root"),
        Some("0"),
        Some("0:0"),
        Some("00"),
        Some(":5"),
    ] {
        assert_eq!(user(root), NOBODY, "{root:?}");
    }
    for kept in ["1000", "nobody", "1000:1000", "app:app"] {
        assert_eq!(user(Some(kept)), kept);
    }
}
