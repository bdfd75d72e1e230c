//! Objects: made, found, changed, refused.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::json;

use crate::site::{refusal, sites, typed};

#[tokio::test]
async fn names_uids_and_versions_are_given() {
    for site in sites().await {
        let object = json!({"metadata": {"generateName": "a-"}});
        let one: ConfigMap = site.make(object.clone()).await.unwrap();
        let two: ConfigMap = site.make(object).await.unwrap();
        let name = one.metadata.name.clone().unwrap();
        assert!(
            name.starts_with("a-") && name.len() == 7,
            "{}: {name}",
            site.name
        );
        assert_ne!(one.metadata.name, two.metadata.name);
        assert_ne!(one.metadata.uid, two.metadata.uid);
        let version = |one: &ConfigMap| one.metadata.resource_version.clone().unwrap();
        assert!(version(&one).parse::<u64>().unwrap() < version(&two).parse::<u64>().unwrap());
        assert!(one.metadata.creation_timestamp.is_some());
        site.leave().await;
    }
}

#[tokio::test]
async fn what_is_there_or_is_not_is_said() {
    for site in sites().await {
        let object = json!({"metadata": {"name": "a"}});
        let _: Lease = site.make(object.clone()).await.unwrap();
        let (code, reason, message) = refusal(site.make::<Lease>(object).await);
        assert_eq!(
            (code, reason.as_str()),
            (409, "AlreadyExists"),
            "{}",
            site.name
        );
        assert_eq!(
            message, "leases.coordination.k8s.io \"a\" already exists",
            "{}",
            site.name
        );
        let (code, reason, message) = refusal(site.pods().get("b").await);
        assert_eq!((code, reason.as_str()), (404, "NotFound"), "{}", site.name);
        assert_eq!(message, "pods \"b\" not found", "{}", site.name);
        site.leave().await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_pod_is_said() {
    for site in sites().await {
        let mut bad_name = site.sleeper("a");
        bad_name["metadata"]["name"] = json!("No_name");
        let mut no_image = site.sleeper("a");
        no_image["spec"]["containers"][0]["image"] = json!("");
        let mut no_volume = site.sleeper("a");
        no_volume["spec"]["containers"][0]["volumeMounts"] =
            json!([{"name": "x", "mountPath": "/x"}]);
        let mut short_token = site.sleeper("a");
        short_token["spec"]["volumes"] = json!([{"name": "x", "projected": {"sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 60}},
        ]}}]);
        for (pod, expect) in [
            (bad_name, "metadata.name: Invalid value: \"No_name\""),
            (no_image, "spec.containers[0].image: Required value"),
            (
                no_volume,
                "spec.containers[0].volumeMounts[0].name: Not found: \"x\"",
            ),
            (
                short_token,
                "may not specify a duration less than 10 minutes",
            ),
        ] {
            let (code, reason, message) = refusal(site.make::<Pod>(pod).await);
            assert_eq!(
                (code, reason.as_str()),
                (422, "Invalid"),
                "{}: {message}",
                site.name
            );
            assert!(message.contains(expect), "{}: {message}", site.name);
        }
        site.leave().await;
    }
}

#[tokio::test]
async fn misspelt_fields_are_refused_if_asked_for() {
    for site in sites().await {
        let mut pod = site.sleeper("a");
        pod["spec"]["containers"][0]["imagePulPolicy"] = json!("Always");
        let path = format!(
            "/api/v1/namespaces/{}/pods?fieldValidation=Strict",
            site.namespace
        );
        let request = http(&path, &pod);
        let (code, reason, message) = refusal(site.client.request::<Pod>(request).await);
        assert_eq!(
            (code, reason.as_str()),
            (400, "BadRequest"),
            "{}",
            site.name
        );
        let expect = "strict decoding error: unknown field \"spec.containers[0].imagePulPolicy\"";
        assert!(message.contains(expect), "{}: {message}", site.name);
        site.leave().await;
    }
}

fn http(path: &str, body: &serde_json::Value) -> hyper::Request<Vec<u8>> {
    let request = hyper::Request::post(path).header("content-type", "application/json");
    request.body(body.to_string().into_bytes()).unwrap()
}

#[tokio::test]
async fn an_update_of_an_old_version_is_a_conflict() {
    for site in sites().await {
        let leases = site.api::<Lease>();
        let first: Lease = site.make(json!({"metadata": {"name": "a"}})).await.unwrap();
        let mut second = first.clone();
        second.spec = typed(json!({"holderIdentity": "me"}));
        let stored = leases
            .replace("a", &PostParams::default(), &second)
            .await
            .unwrap();
        assert_ne!(
            stored.metadata.resource_version,
            first.metadata.resource_version
        );
        let (code, reason, message) =
            refusal(leases.replace("a", &PostParams::default(), &first).await);
        assert_eq!((code, reason.as_str()), (409, "Conflict"), "{}", site.name);
        assert!(
            message.contains("the object has been modified"),
            "{}: {message}",
            site.name
        );
        // As it is, it stays: no new version.
        let same = leases
            .replace("a", &PostParams::default(), &stored)
            .await
            .unwrap();
        assert_eq!(
            same.metadata.resource_version,
            stored.metadata.resource_version
        );
        site.leave().await;
    }
}

#[tokio::test]
async fn patches_change_what_they_name() {
    for site in sites().await {
        let maps = site.api::<ConfigMap>();
        let object = json!({"metadata": {"name": "a"}, "data": {"x": "1", "y": "2"}});
        let _: ConfigMap = site.make(object).await.unwrap();
        let patch = Patch::Merge(json!({"data": {"x": null, "z": "3"}}));
        let changed = maps
            .patch("a", &PatchParams::default(), &patch)
            .await
            .unwrap();
        let data = serde_json::to_value(changed.data).unwrap();
        assert_eq!(data, json!({"y": "2", "z": "3"}), "{}", site.name);
        let apply = Patch::Apply(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "data": {"x": "1"},
        }));
        let made = maps
            .patch("b", &PatchParams::apply("test"), &apply)
            .await
            .unwrap();
        assert!(made.metadata.uid.is_some(), "{}", site.name);
        site.leave().await;
    }
}

#[tokio::test]
async fn lists_are_selected_and_paged() {
    for site in sites().await {
        let maps = site.api::<ConfigMap>();
        for (name, zone) in [("a", "1"), ("b", "2"), ("c", "1")] {
            let object = json!({"metadata": {"name": name, "labels": {"zone": zone}}});
            let _: ConfigMap = site.make(object).await.unwrap();
        }
        let names = async |params: ListParams| {
            let list = maps.list(&params).await.unwrap();
            let names = list.items.into_iter().map(|one| one.metadata.name.unwrap());
            names.collect::<Vec<_>>()
        };
        let labelled = |selector: &str| ListParams::default().labels(selector);
        assert_eq!(names(labelled("zone=1")).await, ["a", "c"], "{}", site.name);
        assert_eq!(
            names(labelled("zone in (2,3)")).await,
            ["b"],
            "{}",
            site.name
        );
        assert_eq!(
            names(labelled("zone,zone!=1")).await,
            ["b"],
            "{}",
            site.name
        );
        let fields = ListParams::default().fields("metadata.name=c");
        assert_eq!(names(fields).await, ["c"], "{}", site.name);
        let bad = ListParams::default().fields("spec.colour=red");
        assert_eq!(refusal(maps.list(&bad).await).0, 400, "{}", site.name);

        let page = ListParams::default().labels("zone").limit(2);
        let first = maps.list(&page).await.unwrap();
        assert_eq!(first.items.len(), 2, "{}", site.name);
        let next = page.continue_token(&first.metadata.continue_.unwrap());
        assert_eq!(names(next).await, ["c"], "{}", site.name);
        site.leave().await;
    }
}

#[tokio::test]
async fn a_deletion_can_be_of_one_uid_alone() {
    for site in sites().await {
        let maps = site.api::<ConfigMap>();
        let made: ConfigMap = site.make(json!({"metadata": {"name": "a"}})).await.unwrap();
        let of = |uid: Option<String>| DeleteParams {
            preconditions: Some(Preconditions {
                uid,
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let other = of(Some("00000000-0000-0000-0000-000000000000".into()));
        let (code, reason, _) = refusal(maps.delete("a", &other).await);
        assert_eq!((code, reason.as_str()), (409, "Conflict"), "{}", site.name);
        maps.delete("a", &of(made.metadata.uid)).await.unwrap();
        assert_eq!(
            refusal(maps.delete("a", &DeleteParams::default()).await).0,
            404
        );
        site.leave().await;
    }
}

#[tokio::test]
async fn nothing_is_made_where_there_is_no_namespace() {
    for site in sites().await {
        let maps: kube::Api<ConfigMap> =
            kube::Api::namespaced(site.client.clone(), "nowhere-at-all");
        let object = typed(json!({"metadata": {"name": "a"}}));
        let (code, _, message) = refusal(maps.create(&PostParams::default(), &object).await);
        assert_eq!(code, 404, "{}", site.name);
        assert_eq!(
            message, "namespaces \"nowhere-at-all\" not found",
            "{}",
            site.name
        );
        site.leave().await;
    }
}

#[tokio::test]
async fn a_network_policy_stays_as_it_was_written() {
    for site in sites().await {
        let spec = json!({
            "podSelector": {"matchLabels": {"utakata.io/kind": "snmp"}},
            "policyTypes": ["Ingress", "Egress"],
            "egress": [
                {"to": [{"ipBlock": {"cidr": "192.0.2.0/30"}}]},
                {"ports": [{"port": 53, "protocol": "UDP"}]},
            ],
        });
        let object = json!({"metadata": {"name": "a", "labels": {"of": "a"}}, "spec": spec});
        let made: NetworkPolicy = site.make(object).await.unwrap();
        // Who compares it with what should be there writes it only when it differs.
        let stored = serde_json::to_value(&made.spec).unwrap();
        assert_eq!(stored, spec, "{}", site.name);
        let policies: kube::Api<NetworkPolicy> = site.api();
        let found = policies.list(&ListParams::default().labels("of=a")).await;
        assert_eq!(found.unwrap().items.len(), 1, "{}", site.name);
        let post = PostParams::default();
        policies.replace("a", &post, &made).await.unwrap();
        let mut changed = made.clone();
        changed.spec.as_mut().unwrap().egress = None;
        policies.replace("a", &post, &changed).await.unwrap();
        let (code, ..) = refusal(policies.replace("a", &post, &made).await);
        assert_eq!(code, 409, "{}", site.name);
        let how = DeleteParams::default();
        policies.delete("a", &how).await.unwrap();
        site.leave().await;
    }
}
