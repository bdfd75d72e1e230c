//! Rights: quotas, PodSecurity, roles, tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::api::core::v1::{Pod, ResourceQuota, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Api;
use kube::api::{ListParams, LogParams, PostParams};
use serde_json::{Value, json};
use utakata_tests::wait::until;

use crate::site::{Site, client_of, refusal, sites, typed};

#[tokio::test]
async fn a_quota_says_what_is_too_much() {
    for site in sites().await {
        let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "2"}}});
        let _: ResourceQuota = site.make(quota).await.unwrap();
        let mut made = 0;
        // A real one counts late at first: nothing may be made before.
        until(format!("two are made ({})", site.name), async || {
            let result = site.make::<Pod>(site.sleeper(&format!("a{made}"))).await;
            made += i32::from(result.is_ok());
            made == 2
        })
        .await;
        let (code, reason, message) = refusal(site.make::<Pod>(site.sleeper("b")).await);
        assert_eq!((code, reason.as_str()), (403, "Forbidden"), "{}", site.name);
        let expect = "pods \"b\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2";
        assert_eq!(message, expect, "{}", site.name);
        site.leave().await;
    }
}

#[tokio::test]
async fn a_quota_of_memory_wants_to_know_it() {
    for site in sites().await {
        let hard = json!({"requests.memory": "100Mi"});
        let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": hard}});
        let _: ResourceQuota = site.make(quota).await.unwrap();
        let mut message = String::new();
        until(format!("it must be said ({})", site.name), async || {
            message = refusal(site.make::<Pod>(site.sleeper("a")).await).2;
            message.contains("must specify")
        })
        .await;
        assert!(
            message.contains("failed quota: q: must specify requests.memory for: worker"),
            "{}: {message}",
            site.name
        );
        let mut pod = site.sleeper("a");
        pod["spec"]["containers"][0]["resources"] = json!({"requests": {"memory": "200Mi"}});
        let (_, _, message) = refusal(site.make::<Pod>(pod).await);
        let expect = "exceeded quota: q, requested: requests.memory=200Mi, used: requests.memory=0, limited: requests.memory=100Mi";
        assert!(message.contains(expect), "{}: {message}", site.name);
        site.leave().await;
    }
}

/// Completes a pod so that the `restricted` level admits it.
fn restricted(mut pod: Value) -> Value {
    pod["spec"]["securityContext"] = json!({
        "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    });
    pod["spec"]["containers"][0]["securityContext"] = json!({
        "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": true,
    });
    pod
}

#[tokio::test]
async fn what_is_not_restricted_is_said() {
    for site in sites().await {
        site.label("pod-security.kubernetes.io/enforce", "restricted")
            .await;
        let (code, _, message) = refusal(site.make::<Pod>(site.sleeper("a")).await);
        assert_eq!(code, 403, "{}", site.name);
        let expect = "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": \
            allowPrivilegeEscalation != false (container \"worker\" must set \
            securityContext.allowPrivilegeEscalation=false), unrestricted capabilities \
            (container \"worker\" must set securityContext.capabilities.drop=[\"ALL\"]), \
            runAsNonRoot != true (pod or container \"worker\" must set \
            securityContext.runAsNonRoot=true), seccompProfile (pod or container \"worker\" must \
            set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")";
        assert_eq!(message, expect, "{}", site.name);

        let mut socket = restricted(site.sleeper("a"));
        socket["spec"]["volumes"] = json!([{"name": "s", "hostPath": {"path": "/run/utakata"}}]);
        let (_, _, message) = refusal(site.make::<Pod>(socket).await);
        let expect =
            "restricted volume types (volume \"s\" uses restricted volume type \"hostPath\")";
        assert!(message.ends_with(expect), "{}: {message}", site.name);

        let _: Pod = site.make(restricted(site.sleeper("a"))).await.unwrap();
        site.leave().await;
    }
}

/// Accounts with a role of their own, and what they may.
async fn account(site: &Site, name: &str, rules: Value) -> kube::Client {
    let _: ServiceAccount = site
        .make(json!({"metadata": {"name": name}}))
        .await
        .unwrap();
    let _: Role = site
        .make(json!({"metadata": {"name": name}, "rules": rules}))
        .await
        .unwrap();
    let binding = json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": site.namespace}],
    });
    let _: RoleBinding = site.make(binding).await.unwrap();
    let request = typed(json!({"spec": {"audiences": [], "expirationSeconds": 600}}));
    let accounts = site.api::<ServiceAccount>();
    let answer = accounts
        .create_token_request(name, &PostParams::default(), &request)
        .await;
    let token = answer.unwrap().status.unwrap().token;
    let config = kubeconfig(site, &token);
    client_of(&config).await
}

/// The site's kubeconfig with another token.
fn kubeconfig(site: &Site, token: &str) -> String {
    if let Some(cluster) = &site.cluster {
        return cluster.kubeconfig_of(token, &site.namespace);
    }
    let path = std::env::var("UTAKATA_TEST_KUBERNETES").unwrap();
    let read = kube::config::Kubeconfig::read_from(path).unwrap();
    let mut config = serde_json::to_value(&read).unwrap();
    for user in config["users"].as_array_mut().unwrap() {
        user["user"] = json!({"token": token});
    }
    config.to_string()
}

#[tokio::test]
async fn a_role_allows_what_it_names_and_no_more() {
    for site in sites().await {
        let rules =
            json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "create"]}]);
        let client = account(&site, "wee", rules).await;
        let pods: Api<Pod> = Api::namespaced(client.clone(), &site.namespace);
        until(format!("the role holds ({})", site.name), async || {
            pods.list(&ListParams::default()).await.is_ok()
        })
        .await;
        let (code, reason, message) = refusal(pods.get("a").await);
        assert_eq!((code, reason.as_str()), (403, "Forbidden"), "{}", site.name);
        let namespace = &site.namespace;
        let expect = format!(
            "pods \"a\" is forbidden: User \"system:serviceaccount:{namespace}:wee\" cannot get \
             resource \"pods\" in API group \"\" in the namespace \"{namespace}\""
        );
        assert_eq!(message, expect, "{}", site.name);
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        assert_eq!(
            refusal(secrets.list(&ListParams::default()).await).0,
            403,
            "{}",
            site.name
        );
        let logs = pods.logs("a", &LogParams::default()).await;
        assert!(
            refusal(logs).2.contains("resource \"pods/log\""),
            "{}",
            site.name
        );
        let all: Api<Pod> = Api::all(client);
        let (code, _, message) = refusal(all.list(&ListParams::default()).await);
        assert!(
            code == 403 && message.ends_with("at the cluster scope"),
            "{}: {message}",
            site.name
        );
        site.leave().await;
    }
}

#[tokio::test]
async fn an_invalid_token_is_unauthorized() {
    for site in sites().await {
        let client = client_of(&kubeconfig(&site, "nonsense")).await;
        let pods: Api<Pod> = Api::namespaced(client, &site.namespace);
        let (code, reason, _) = refusal(pods.list(&ListParams::default()).await);
        assert_eq!(
            (code, reason.as_str()),
            (401, "Unauthorized"),
            "{}",
            site.name
        );
        site.leave().await;
    }
}

#[tokio::test]
async fn a_projected_token_is_for_its_audience_and_its_pod() {
    for site in sites().await {
        let mut pod = site.script("a", "cat $TOKEN");
        pod["spec"]["automountServiceAccountToken"] = json!(false);
        pod["spec"]["volumes"] = json!([{"name": "token", "projected": {"sources": [
            {"serviceAccountToken": {"path": "token", "audience": "utakata/east", "expirationSeconds": 600}},
        ]}}]);
        let container = &mut pod["spec"]["containers"][0];
        container["volumeMounts"] = json!([{"name": "token", "mountPath": "/var/run/utakata"}]);
        container["env"] = json!([{"name": "TOKEN", "value": "/var/run/utakata/token"}]);
        let _: Pod = site.make(pod).await.unwrap();
        let pod = site.until_phase("a", "Succeeded").await;
        let token = site.pods().logs("a", &LogParams::default()).await.unwrap();
        let part = |number: usize| -> Value {
            let text = token.trim().split('.').nth(number).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
        };
        let claims = part(1);
        assert_eq!(claims["aud"], json!(["utakata/east"]), "{}", site.name);
        let namespace = &site.namespace;
        assert_eq!(
            claims["sub"],
            format!("system:serviceaccount:{namespace}:default").as_str()
        );
        let bound = &claims["kubernetes.io"];
        assert_eq!(bound["namespace"], namespace.as_str(), "{}", site.name);
        assert_eq!(bound["pod"]["name"], "a", "{}", site.name);
        assert_eq!(bound["pod"]["uid"], pod["metadata"]["uid"], "{}", site.name);
        assert_eq!(bound["serviceaccount"]["name"], "default", "{}", site.name);

        // It is of no use at the API server itself, and its key is published.
        let client = client_of(&kubeconfig(&site, token.trim())).await;
        let pods: Api<Pod> = Api::namespaced(client, namespace);
        assert_eq!(
            refusal(pods.list(&ListParams::default()).await).0,
            401,
            "{}",
            site.name
        );
        let head = part(0);
        let get = |path: &str| hyper::Request::get(path).body(Vec::new()).unwrap();
        let keys: Value = site.client.request(get("/openid/v1/jwks")).await.unwrap();
        let mut keys = keys["keys"].as_array().unwrap().iter();
        let key = keys.find(|key| key["kid"] == head["kid"]).unwrap();
        assert_eq!(
            (&key["kty"], &key["alg"]),
            (&json!("RSA"), &head["alg"]),
            "{}",
            site.name
        );
        let path = "/.well-known/openid-configuration";
        let told: Value = site.client.request(get(path)).await.unwrap();
        assert_eq!(told["issuer"], claims["iss"], "{}", site.name);
        assert!(signature_holds(token.trim(), key), "{}", site.name);
        site.leave().await;
    }
}

fn signature_holds(token: &str, key: &Value) -> bool {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let n = decoded(key["n"].as_str().unwrap());
    let e = decoded(key["e"].as_str().unwrap());
    RsaPublicKeyComponents { n, e }
        .verify(
            &RSA_PKCS1_2048_8192_SHA256,
            signed.as_bytes(),
            &decoded(signature),
        )
        .is_ok()
}
