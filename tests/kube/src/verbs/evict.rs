//! Evictions: with the leave of the pod's disruption budget.

use serde_json::{Value, json};

use crate::pods;
use crate::refusal::Refusal;
use crate::request::Call;
use crate::select;
use crate::store::{Key, Object, Store};
use crate::world::World;

/// Evicts a pod: it is told first, then deleted.
pub fn evict(world: &World, call: &Call, body: &Value) -> Result<Value, Refusal> {
    let mut store = world.store();
    let found = super::get(call, &store)?;
    let name = call.name.as_deref().unwrap_or_default();
    let said = body["metadata"]["name"].as_str().unwrap_or(name);
    if said != name {
        return Err(Refusal::bad(format!(
            "name in URL does not match name in Eviction object: {said}"
        )));
    }
    let is_leaving = !found["metadata"]["deletionTimestamp"].is_null();
    let is_idle = pods::is_over(&found) || found["status"]["phase"] == "Pending";
    if !is_leaving && !is_idle {
        within_budget(&store, call, &found)?;
    }
    let key = Key::new(call.resource, &call.namespace, name);
    let mut pod = (*found).clone();
    if !pods::is_over(&found) {
        let message = "Eviction API: evicting";
        pods::set_condition(
            &mut pod,
            "DisruptionTarget",
            "True",
            Some(("EvictionByEvictionAPI", message)),
        );
    }
    let pod = store.put(key.clone(), pod);
    let grace = body["deleteOptions"]["gracePeriodSeconds"].as_i64();
    super::delete_pod(&mut store, &key, &pod, grace);
    Ok(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201,
    }))
}

fn within_budget(store: &Store, call: &Call, pod: &Object) -> Result<(), Refusal> {
    let labels = &pod["metadata"]["labels"];
    let covers = |labels: &Value, budget: &Value| {
        select::matches_object(&budget["spec"]["selector"], labels)
    };
    let budgets: Vec<(&Key, &Object)> = store
        .list("poddisruptionbudgets", &call.namespace)
        .filter(|(_, budget)| covers(labels, budget))
        .collect();
    let (key, budget) = match budgets.as_slice() {
        [] => return Ok(()),
        [one] => *one,
        _ => {
            let message = "This pod has more than one PodDisruptionBudget, which the eviction \
                subresource does not support.";
            return Err(Refusal::internal(message));
        }
    };
    let healthy = store
        .list("pods", &call.namespace)
        .filter(|(_, pod)| covers(&pod["metadata"]["labels"], budget))
        .filter(|(_, pod)| pods::is_ready(pod) && pod["metadata"]["deletionTimestamp"].is_null())
        .count();
    let healthy = i64::try_from(healthy).unwrap_or(i64::MAX);
    // Shares of bare pods are shares of nothing that the controller knows: none may go.
    let needed = budget["spec"]["minAvailable"].as_i64();
    let allowed = needed.map_or(0, |needed| healthy - needed);
    let is_harmless = !pods::is_ready(pod) && needed.is_some_and(|needed| healthy >= needed);
    if allowed > 0 || is_harmless {
        return Ok(());
    }
    let name = &key.name;
    let needed = needed.unwrap_or(healthy);
    let mut refusal = Refusal::new(
        429,
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
    );
    refusal.details = json!({"causes": [{
        "reason": "DisruptionBudget",
        "message": format!(
            "The disruption budget {name} needs {needed} healthy pods and has {healthy} currently"
        ),
    }]});
    Err(refusal)
}
