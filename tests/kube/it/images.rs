//! Images: folders, passwords, other architectures.

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::DeleteParams;
use serde_json::json;
use utakata_kube_for_tests::{Credentials, Image};
use utakata_tests::wait::until;

use crate::site::ours;

#[tokio::test]
async fn an_image_is_a_folder_that_stands_for_the_root() {
    let site = ours().await;
    let cluster = site.cluster.as_ref().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("greeting"), "hello\n").unwrap();
    let image = Image::folder(folder.path()).entrypoint([
        "/bin/sh",
        "-c",
        "cat $FILE $FOLDER/greeting; pwd",
    ]);
    cluster.register("r/a@sha256:cccc", image);
    let mut pod = site.script("a", "");
    pod["spec"]["containers"][0] = json!({
        "name": "worker", "image": "r/a@sha256:cccc", "workingDir": "/",
        "env": [{"name": "FILE", "value": "/greeting"}, {"name": "FOLDER", "value": "/"}],
    });
    let _: Pod = site.make(pod).await.unwrap();
    site.until_phase("a", "Succeeded").await;
    let log = site
        .pods()
        .logs("a", &kube::api::LogParams::default())
        .await
        .unwrap();
    assert_eq!(log, format!("hello\nhello\n{}\n", folder.path().display()));
}

#[tokio::test]
async fn an_image_with_a_password_is_pulled_with_it() {
    let site = ours().await;
    let cluster = site.cluster.as_ref().unwrap();
    let credentials = Credentials {
        user: "me".into(),
        password: "secret".into(),
    };
    let reference = "registry.example/private@sha256:dddd";
    cluster.register(reference, Image::program("/bin/sh").private(credentials));
    let mut pod = site.sleeper("a");
    pod["spec"]["containers"][0]["image"] = json!(reference);
    let _: Pod = site.make(pod.clone()).await.unwrap();
    until("it is refused", async || {
        let state = site.look("a").await["status"]["containerStatuses"][0]["state"].clone();
        let message = state["waiting"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        message.contains("authorization failed")
    })
    .await;
    site.pods()
        .delete("a", &DeleteParams::default())
        .await
        .unwrap();
    site.until_gone("a").await;

    let auths = json!({"auths": {"registry.example": {"username": "me", "password": "secret"}}});
    let secret = json!({
        "metadata": {"name": "pull"}, "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": auths.to_string()},
    });
    let _: Secret = site.make(secret).await.unwrap();
    pod["spec"]["imagePullSecrets"] = json!([{"name": "pull"}]);
    let _: Pod = site.make(pod).await.unwrap();
    site.until_running("a").await;
}

#[tokio::test]
async fn a_program_that_cannot_run_here_is_said() {
    let site = ours().await;
    let cluster = site.cluster.as_ref().unwrap();
    let foreign = "registry.example/foreign@sha256:eeee";
    cluster.register(foreign, Image::program("/bin/sh").foreign());
    let mut pod = site.sleeper("a");
    pod["spec"]["containers"][0]["image"] = json!(foreign);
    let _: Pod = site.make(pod).await.unwrap();
    site.until_phase("a", "Failed").await;
    let log = site
        .pods()
        .logs("a", &kube::api::LogParams::default())
        .await
        .unwrap();
    assert_eq!(log, "exec /bin/sh: exec format error\n");

    let mut pod = site.sleeper("b");
    pod["spec"]["containers"][0]["command"] = json!(["/not/there"]);
    let _: Pod = site.make(pod).await.unwrap();
    let pod = site.until_phase("b", "Failed").await;
    let ended = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(
        (&ended["exitCode"], &ended["reason"]),
        (&json!(128), &json!("StartError"))
    );
}

#[tokio::test]
async fn a_message_is_told_before_the_log() {
    let site = ours().await;
    let mut pod = site.script("a", "echo log; echo message > $MESSAGE; exit 1");
    let container = &mut pod["spec"]["containers"][0];
    container["terminationMessagePath"] = json!("/dev/last-words");
    container["env"] = json!([{"name": "MESSAGE", "value": "/dev/last-words"}]);
    let _: Pod = site.make(pod).await.unwrap();
    let pod = site.until_phase("a", "Failed").await;
    let ended = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(ended["message"], "message\n");
}
