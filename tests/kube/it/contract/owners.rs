//! Owners: what they own goes with them.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::{Value, json};
use utakata_tests::wait::until;

use crate::site::{Site, sites, typed};

async fn owned(site: &Site, name: &str, owner: &Lease) -> Value {
    let mut pod = site.sleeper(name);
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "controller": true,
        "blockOwnerDeletion": false, "name": owner.metadata.name, "uid": owner.metadata.uid,
    }]);
    pod
}

#[tokio::test]
async fn what_nobody_owns_any_more_goes() {
    for site in sites().await {
        let lease: Lease = site
            .make(json!({"metadata": {"name": "east"}}))
            .await
            .unwrap();
        let _: Pod = site.make(owned(&site, "a", &lease).await).await.unwrap();
        let _: Pod = site.make(site.sleeper("b")).await.unwrap();
        site.until_running("a").await;
        site.until_running("b").await;
        site.api::<Lease>()
            .delete("east", &DeleteParams::default())
            .await
            .unwrap();
        site.until_gone("a").await;
        assert_eq!(
            site.look("b").await["status"]["phase"],
            "Running",
            "{}",
            site.name
        );
        site.leave().await;
    }
}

#[tokio::test]
async fn an_owner_in_another_namespace_is_none() {
    for site in sites().await {
        let leases: Api<Lease> = Api::namespaced(site.client.clone(), "default");
        let object = typed(json!({"metadata": {"generateName": "elsewhere-"}}));
        let lease = leases
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
        let _: Pod = site.make(owned(&site, "a", &lease).await).await.unwrap();
        site.until_gone("a").await;
        let events = site.api::<Event>();
        until(format!("an event says why ({})", site.name), async || {
            let all = events.list(&ListParams::default()).await.unwrap().items;
            all.iter()
                .any(|event| event.reason.as_deref() == Some("OwnerRefInvalidNamespace"))
        })
        .await;
        leases
            .delete(&lease.metadata.name.unwrap(), &DeleteParams::default())
            .await
            .unwrap();
        site.leave().await;
    }
}
