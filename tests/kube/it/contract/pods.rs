//! Pods: their phases, their ends.

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, LogParams, Patch, PatchParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use utakata_tests::wait::{soon, until};

use crate::site::{Site, refusal, sites};

fn worker(pod: &Value) -> Value {
    pod["status"]["containerStatuses"][0].clone()
}

/// Collects the story that a watch tells of a pod until it has gone: phase, exit code, deletion.
async fn story(site: &Site, name: &str, begin: impl AsyncFnOnce()) -> Vec<String> {
    let params = WatchParams::default().fields(&format!("metadata.name={name}"));
    let events = site.pods().watch(&params, "0").await.unwrap();
    let mut events = std::pin::pin!(events);
    begin().await;
    let mut story: Vec<String> = Vec::new();
    loop {
        let event = soon("an event", events.try_next()).await.unwrap().unwrap();
        let (what, pod) = match event {
            WatchEvent::Added(pod) | WatchEvent::Modified(pod) => ("", pod),
            WatchEvent::Deleted(pod) => ("DELETE ", pod),
            _ => continue,
        };
        let pod: Value = serde_json::to_value(pod).unwrap();
        let code = worker(&pod)["state"]["terminated"]["exitCode"].as_i64();
        let phase = pod["status"]["phase"].as_str().unwrap_or_default();
        let leaves = if pod["metadata"]["deletionTimestamp"].is_null() {
            ""
        } else {
            " leaving"
        };
        let disrupted = pod["status"]["conditions"].as_array().into_iter().flatten();
        let mut disrupted = disrupted.filter(|one| one["type"] == "DisruptionTarget");
        let disrupted = if disrupted.next().is_some() {
            " disrupted"
        } else {
            ""
        };
        let code = code.map(|code| format!(" {code}")).unwrap_or_default();
        let line = format!("{what}{phase}{code}{leaves}{disrupted}");
        if story.last() != Some(&line) {
            story.push(line);
        }
        if what == "DELETE " {
            return story;
        }
    }
}

#[tokio::test]
async fn a_pod_runs_and_has_an_address() {
    for site in sites().await {
        let made: Pod = site.make(site.sleeper("a")).await.unwrap();
        let made = serde_json::to_value(made).unwrap();
        assert_eq!(made["status"]["phase"], "Pending", "{}", site.name);
        for (field, expect) in [
            ("serviceAccountName", json!("default")),
            ("dnsPolicy", json!("ClusterFirst")),
            ("enableServiceLinks", json!(true)),
            ("schedulerName", json!("default-scheduler")),
        ] {
            assert_eq!(made["spec"][field], expect, "{}: {field}", site.name);
        }
        let pod = site.until_running("a").await;
        assert!(pod["status"]["podIP"].is_string(), "{}", site.name);
        assert!(pod["spec"]["nodeName"].is_string(), "{}", site.name);
        let conditions = pod["status"]["conditions"].as_array().unwrap();
        for kind in ["PodScheduled", "Initialized", "ContainersReady", "Ready"] {
            let found = conditions.iter().find(|one| one["type"] == kind);
            assert_eq!(found.unwrap()["status"], "True", "{}: {kind}", site.name);
        }
        assert_eq!(worker(&pod)["ready"], true, "{}", site.name);
        site.leave().await;
    }
}

#[tokio::test]
async fn an_exit_code_and_last_words_are_reported() {
    for site in sites().await {
        let script = "echo one; echo two; exit 3";
        let _: Pod = site.make(site.script("a", script)).await.unwrap();
        let pod = site.until_phase("a", "Failed").await;
        let ended = worker(&pod)["state"]["terminated"].clone();
        assert_eq!(ended["exitCode"], 3, "{}", site.name);
        assert_eq!(ended["reason"], "Error", "{}", site.name);
        assert_eq!(ended["message"], "one\ntwo\n", "{}", site.name);
        let _: Pod = site.make(site.script("b", "exit 0")).await.unwrap();
        let pod = site.until_phase("b", "Succeeded").await;
        let ended = worker(&pod)["state"]["terminated"].clone();
        assert_eq!(
            (&ended["exitCode"], &ended["reason"]),
            (&json!(0), &json!("Completed"))
        );
        assert_eq!(
            site.pods().logs("a", &LogParams::default()).await.unwrap(),
            "one\ntwo\n"
        );
        // One that has ended is gone at once.
        site.pods()
            .delete("a", &DeleteParams::default())
            .await
            .unwrap();
        site.until_gone("a").await;
        site.leave().await;
    }
}

#[tokio::test]
async fn a_deletion_with_grace_tells_the_exit_code_first() {
    for site in sites().await {
        let story = story(&site, "a", async || {
            let _: Pod = site.make(site.sleeper("a")).await.unwrap();
            site.until_running("a").await;
            site.pods()
                .delete("a", &DeleteParams::default().grace_period(3))
                .await
                .unwrap();
        })
        .await;
        let ended = story.iter().position(|line| line == "Succeeded 0 leaving");
        let leaving = story.iter().position(|line| line == "Running leaving");
        assert!(
            leaving.unwrap() < ended.unwrap(),
            "{}: {story:?}",
            site.name
        );
        assert_eq!(
            story.last().unwrap(),
            "DELETE Succeeded 0 leaving",
            "{}",
            site.name
        );
        site.leave().await;
    }
}

#[tokio::test]
async fn a_grace_of_one_second_is_a_kill_with_a_receipt() {
    for site in sites().await {
        let story = story(&site, "a", async || {
            let script = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
            let _: Pod = site.make(site.script("a", script)).await.unwrap();
            site.until_running("a").await;
            let logs = async || {
                site.pods()
                    .logs("a", &LogParams::default())
                    .await
                    .unwrap_or_default()
            };
            until("it is deaf", async || logs().await == "ready\n").await;
            site.pods()
                .delete("a", &DeleteParams::default().grace_period(1))
                .await
                .unwrap();
        })
        .await;
        assert_eq!(
            story.last().unwrap(),
            "DELETE Failed 137 leaving",
            "{}: {story:?}",
            site.name
        );
        site.leave().await;
    }
}

#[tokio::test]
async fn a_grace_of_none_is_a_kill_without_one() {
    for site in sites().await {
        let story = story(&site, "a", async || {
            let _: Pod = site.make(site.sleeper("a")).await.unwrap();
            site.until_running("a").await;
            site.pods()
                .delete("a", &DeleteParams::default().grace_period(0))
                .await
                .unwrap();
        })
        .await;
        let last = story.last().unwrap();
        assert!(
            last.starts_with("DELETE Running"),
            "{}: {story:?}",
            site.name
        );
        if let Some(cluster) = &site.cluster {
            until("its process ends", async || cluster.processes().is_empty()).await;
        }
        site.leave().await;
    }
}

#[tokio::test]
async fn a_deadline_ends_a_pod() {
    for site in sites().await {
        let mut pod = site.sleeper("a");
        pod["spec"]["activeDeadlineSeconds"] = json!(1);
        let _: Pod = site.make(pod).await.unwrap();
        let pod = site.until_phase("a", "Failed").await;
        assert_eq!(pod["status"]["reason"], "DeadlineExceeded", "{}", site.name);
        let later = Patch::Merge(json!({"spec": {"activeDeadlineSeconds": 100}}));
        let refused = site
            .pods()
            .patch("a", &PatchParams::default(), &later)
            .await;
        assert_eq!(refusal(refused).0, 422, "{}", site.name);
        site.leave().await;
    }
}

#[tokio::test]
async fn a_spec_stays_as_it_is() {
    for site in sites().await {
        let _: Pod = site.make(site.sleeper("a")).await.unwrap();
        let patch = Patch::Merge(json!({"spec": {"restartPolicy": "Always"}}));
        let refused = site
            .pods()
            .patch("a", &PatchParams::default(), &patch)
            .await;
        let (code, _, message) = refusal(refused);
        assert_eq!(code, 422, "{}", site.name);
        assert!(
            message.contains("pod updates may not change fields other than"),
            "{message}"
        );
        let patch = Patch::Merge(json!({"metadata": {"labels": {"x": "y"}}}));
        site.pods()
            .patch("a", &PatchParams::default(), &patch)
            .await
            .unwrap();
        site.leave().await;
    }
}

#[tokio::test]
async fn an_image_that_is_not_available_is_reported_and_tried_again() {
    for site in sites().await {
        let mut pod = site.sleeper("a");
        let image = "registry.invalid/none@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        pod["spec"]["containers"][0]["image"] = json!(image);
        let _: Pod = site.make(pod).await.unwrap();
        for reason in ["ErrImagePull", "ImagePullBackOff"] {
            until(format!("{reason} ({})", site.name), async || {
                worker(&site.look("a").await)["state"]["waiting"]["reason"] == reason
            })
            .await;
        }
        let pod = site.look("a").await;
        assert_eq!(pod["status"]["phase"], "Pending", "{}", site.name);
        let message = worker(&pod)["state"]["waiting"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        let expect = format!("Back-off pulling image \"{image}\": ErrImagePull: ");
        assert!(message.starts_with(&expect), "{}: {message}", site.name);
        assert!(
            message.contains("failed to resolve reference"),
            "{}: {message}",
            site.name
        );
        site.pods()
            .delete("a", &DeleteParams::default())
            .await
            .unwrap();
        site.until_gone("a").await;
        site.leave().await;
    }
}

#[tokio::test]
async fn variables_tell_a_pod_about_itself() {
    for site in sites().await {
        let mut pod = site.script("a", "echo $NAME $UID_OF_IT $GREETING");
        let field = |path: &str| json!({"fieldRef": {"fieldPath": path}});
        pod["spec"]["containers"][0]["env"] = json!([
            {"name": "NAME", "valueFrom": field("metadata.name")},
            {"name": "UID_OF_IT", "valueFrom": field("metadata.uid")},
            {"name": "GREETING", "value": "hello-$(NAME)"},
        ]);
        let _: Pod = site.make(pod).await.unwrap();
        let pod = site.until_phase("a", "Succeeded").await;
        let uid = pod["metadata"]["uid"].as_str().unwrap();
        let log = site.pods().logs("a", &LogParams::default()).await.unwrap();
        assert_eq!(log, format!("a {uid} hello-a\n"), "{}", site.name);
        site.leave().await;
    }
}

#[tokio::test]
async fn limits_are_changed_in_place() {
    for site in sites().await {
        let mut pod = site.sleeper("a");
        pod["spec"]["containers"][0]["resources"] = json!({"limits": {"memory": "64Mi"}});
        let _: Pod = site.make(pod).await.unwrap();
        site.until_running("a").await;
        let more = json!({"limits": {"memory": "128Mi"}, "requests": {"memory": "64Mi"}});
        let patch = Patch::Strategic(
            json!({"spec": {"containers": [{"name": "worker", "resources": more}]}}),
        );
        site.pods()
            .patch_subresource("resize", "a", &PatchParams::default(), &patch)
            .await
            .unwrap();
        until(format!("it has more ({})", site.name), async || {
            worker(&site.look("a").await)["resources"]["limits"]["memory"] == "128Mi"
        })
        .await;
        assert_eq!(
            worker(&site.look("a").await)["restartCount"],
            0,
            "{}",
            site.name
        );
        site.leave().await;
    }
}
