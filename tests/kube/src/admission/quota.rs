//! ResourceQuota: of what pods there are and what they ask for.

use serde_json::Value;

use crate::pods::{amount, is_over};
use crate::store::Store;

/// Says which quota a new pod exceeds.
pub fn excess(namespace: &str, pod: &Value, store: &Store) -> Option<String> {
    let mut quotas = store.list("resourcequotas", namespace);
    quotas.find_map(|(key, quota)| {
        let hard = quota["spec"]["hard"].as_object()?;
        if let Some(why) = unnamed(&key.name, hard.keys(), pod) {
            return Some(why);
        }
        let mut exceeded: Vec<[String; 3]> = Vec::new();
        for (name, most) in hard {
            let Some(asked) = of_pod(name, pod) else {
                continue;
            };
            let others = store
                .list("pods", namespace)
                .filter(|(_, pod)| !is_over(pod));
            let used: i128 = others.filter_map(|(_, pod)| of_pod(name, pod)).sum();
            let told = |amount: i128| format!("{name}={}", tell(name, amount));
            let most = amount(most).unwrap_or_default();
            if asked > 0 && used + asked > most {
                exceeded.push([told(asked), told(used), told(most)]);
            }
        }
        if exceeded.is_empty() {
            return None;
        }
        let joined = |which: usize| {
            let parts: Vec<&str> = exceeded.iter().map(|one| one[which].as_str()).collect();
            parts.join(",")
        };
        let name = &key.name;
        Some(format!(
            "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
            joined(0),
            joined(1),
            joined(2)
        ))
    })
}

/// A quota of requests makes them a must.
fn unnamed<'a>(
    quota: &str,
    names: impl Iterator<Item = &'a String>,
    pod: &Value,
) -> Option<String> {
    let containers = pod["spec"]["containers"].as_array()?;
    let lacks = |name: &str| {
        let Some((list, resource)) = place(name) else {
            return false;
        };
        containers
            .iter()
            .any(|one| one["resources"][list][resource].is_null())
    };
    let missing: Vec<&str> = names
        .map(String::as_str)
        .filter(|name| lacks(name))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let wanted = |name: &&str| {
        let lacking = containers
            .iter()
            .map(|one| one["name"].as_str().unwrap_or_default());
        let lacking: Vec<&str> = lacking.collect();
        format!("{name} for: {}", lacking.join(","))
    };
    let told: Vec<String> = missing.iter().map(wanted).collect();
    Some(format!(
        "failed quota: {quota}: must specify {}",
        told.join("; ")
    ))
}

fn place(name: &str) -> Option<(&'static str, &str)> {
    match name {
        "cpu" | "memory" => Some(("requests", name)),
        name => match name.split_once('.')? {
            ("requests", resource) => Some(("requests", resource)),
            ("limits", resource) => Some(("limits", resource)),
            _ => None,
        },
    }
}

/// Returns the use of a quota by a pod, in thousandths.
fn of_pod(name: &str, pod: &Value) -> Option<i128> {
    if matches!(name, "pods" | "count/pods") {
        return Some(1_000);
    }
    let (list, resource) = place(name)?;
    let containers = pod["spec"]["containers"].as_array()?;
    Some(
        containers
            .iter()
            .filter_map(|one| amount(&one["resources"][list][resource]))
            .sum(),
    )
}

fn tell(name: &str, amount: i128) -> String {
    let whole = amount / 1_000;
    if amount % 1_000 != 0 {
        format!("{amount}m")
    } else if name.ends_with("memory") && whole > 0 && whole % (1 << 20) == 0 {
        format!("{}Mi", whole >> 20)
    } else {
        whole.to_string()
    }
}
