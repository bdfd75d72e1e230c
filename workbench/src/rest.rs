//! The objects of a walk that no profile uses, in a few lines. Pure.

use std::collections::BTreeMap;

use async_snmp::Oid;
use utakata_worker_sdk::model::workbench::Subtree;
use utakata_worker_snmp::{
    plan::Plan,
    profile::{Library, Profile},
};

use crate::{known, origin, walk::Walk};

/// mib-2 and the standards below it: one line each.
const MIB_2: [u32; 6] = [1, 3, 6, 1, 2, 1];
/// The vendors' subtree, which gets several lines for each vendor.
const ENTERPRISES: [u32; 6] = [1, 3, 6, 1, 4, 1];
/// The most lines for a vendor.
const MAX_LINES: usize = 12;

/// The objects examined by a plan: single objects, and subtrees.
pub struct Looked(Vec<Oid>);

impl Looked {
    /// Returns the objects that a plan examines.
    pub fn at(plan: &Plan) -> Self {
        let mut all = plan.oids.clone();
        for planned in &plan.tables {
            all.extend(planned.table.columns.iter().cloned());
            all.extend(planned.table.joins.iter().cloned());
        }
        all.sort();
        all.dedup();
        Self(all)
    }

    /// Returns true if an object is among them.
    pub fn has(&self, oid: &Oid) -> bool {
        let after = self.0.partition_point(|known| known <= oid);
        // Columns are nested only by mistake, but then both are examined.
        let before = self.0.get(..after).unwrap_or_default().iter().rev();
        before.take(8).any(|known| oid.starts_with(known))
    }
}

/// Returns the number of objects examined, and the subtrees of all others.
pub fn split(plan: &Plan, walk: &Walk, shipped: &Library) -> (usize, Vec<Subtree>) {
    let looked = Looked::at(plan);
    let (used, unused): (Vec<&Oid>, Vec<&Oid>) =
        walk.objects.keys().partition(|oid| looked.has(oid));
    let profiles: Vec<(String, Looked)> = shipped.iter().map(looked_at).collect();
    let mut groups: BTreeMap<Vec<u32>, Vec<&Oid>> = BTreeMap::new();
    for oid in unused {
        groups.entry(group(oid.arcs())).or_default().push(oid);
    }
    let subtrees =
        groups
            .into_iter()
            .flat_map(|(prefix, oids)| match prefix.starts_with(&ENTERPRISES) {
                true => branch(&oids),
                false => vec![(prefix, oids)],
            });
    let subtrees = subtrees.map(|(prefix, oids)| Subtree {
        objects: oids.len(),
        name: known::name(&prefix).map(Into::into),
        profile: profiles
            .iter()
            .find(|(_, looked)| oids.iter().any(|oid| looked.has(oid)))
            .map(|(name, _)| name.clone()),
        oid: dotted(&prefix),
    });
    (used.len(), subtrees.collect())
}

fn looked_at(profile: &std::sync::Arc<Profile>) -> (String, Looked) {
    let plan = origin::plan(&[std::sync::Arc::clone(profile)]);
    (profile.name.clone(), Looked::at(&plan))
}

/// Returns the shortest prefix of an OID by which objects are grouped.
fn group(arcs: &[u32]) -> Vec<u32> {
    let is_many = arcs.starts_with(&MIB_2) || arcs.starts_with(&ENTERPRISES);
    let length = if is_many { 7 } else { 5 };
    arcs.get(..length.min(arcs.len())).unwrap_or(arcs).to_vec()
}

/// The subtrees of a vendor: the largest is divided as long as that yields few lines.
fn branch<'a>(oids: &[&'a Oid]) -> Vec<(Vec<u32>, Vec<&'a Oid>)> {
    let mut done = Vec::new();
    let mut open = vec![oids.to_vec()];
    loop {
        open.sort_by_key(Vec::len);
        let Some(largest) = open.pop() else { break };
        let prefix = common(&largest);
        let mut parts: BTreeMap<u32, Vec<&Oid>> = BTreeMap::new();
        for oid in &largest {
            if let Some(arc) = oid.arcs().get(prefix.len()) {
                parts.entry(*arc).or_default().push(oid);
            }
        }
        // Many branches of similar size are rows or columns, which say nothing.
        let fits = done.len() + open.len() + parts.len() <= MAX_LINES;
        if fits && parts.len() > 1 && largest.len() > MAX_LINES {
            open.extend(parts.into_values());
        } else {
            done.push((prefix, largest));
        }
    }
    done.sort_by(|(one, _), (other, _)| one.cmp(other));
    done
}

/// Returns their common prefix.
fn common(oids: &[&Oid]) -> Vec<u32> {
    let Some((first, rest)) = oids.split_first() else {
        return Vec::new();
    };
    let mut length = first.len();
    for oid in rest {
        let same = first.arcs().iter().zip(oid.arcs());
        length = length.min(same.take_while(|(one, other)| one == other).count());
    }
    first.arcs().get(..length).unwrap_or_default().to_vec()
}

fn dotted(arcs: &[u32]) -> String {
    let arcs: Vec<String> = arcs.iter().map(u32::to_string).collect();
    arcs.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(oids: &[&str]) -> Walk {
        let lines: Vec<String> = oids.iter().map(|oid| format!("{oid}|2|1")).collect();
        Walk::parse(lines.join("\n").as_bytes()).unwrap()
    }

    #[test]
    fn what_is_left_is_reported_by_subtree_with_what_is_known_of_it() {
        let rows = (1..40).map(|row| format!("1.3.6.1.4.1.32473.1.2.1.3.{row}"));
        let columns = (1..40).map(|row| format!("1.3.6.1.4.1.32473.1.2.1.4.{row}"));
        let mut oids: Vec<String> = rows.chain(columns).collect();
        oids.extend(["1.3.6.1.2.1.2.2.1.8.1", "1.3.6.1.2.1.43.5.1.1.1.1"].map(String::from));
        oids.extend(["1.3.6.1.4.1.318.1.1.1.0", "1.0.8802.1.1.2.1.1.0"].map(String::from));
        let oids: Vec<&str> = oids.iter().map(String::as_str).collect();
        let shipped = Library::shipped().unwrap();
        let (used, unused) = split(&Plan::default(), &walk(&oids), &shipped);
        assert_eq!(used, 0);
        let told: Vec<(&str, usize, Option<&str>, Option<&str>)> = unused
            .iter()
            .map(|one| {
                let (name, profile) = (one.name.as_deref(), one.profile.as_deref());
                (one.oid.as_str(), one.objects, name, profile)
            })
            .collect();
        assert_eq!(
            told,
            [
                ("1.0.8802.1.1", 1, Some("LLDP-MIB"), None),
                (
                    "1.3.6.1.2.1.2",
                    1,
                    Some("interfaces (IF-MIB)"),
                    Some("if-mib")
                ),
                ("1.3.6.1.2.1.43", 1, Some("Printer-MIB"), None),
                ("1.3.6.1.4.1.318.1.1.1.0", 1, Some("APC"), None),
                ("1.3.6.1.4.1.32473.1.2.1.3", 39, None, None),
                ("1.3.6.1.4.1.32473.1.2.1.4", 39, None, None),
            ]
        );
    }

    #[test]
    fn objects_under_a_column_are_examined_and_its_neighbours_are_not() {
        let oid = |text: &str| Oid::parse(text).unwrap();
        let looked = Looked(vec![oid("1.3.6.1.2.1.1.1.0"), oid("1.3.6.1.2.1.2.2.1.8")]);
        assert!(looked.has(&oid("1.3.6.1.2.1.2.2.1.8.4711")));
        assert!(looked.has(&oid("1.3.6.1.2.1.1.1.0")));
        assert!(!looked.has(&oid("1.3.6.1.2.1.2.2.1.9.1")));
        assert!(!looked.has(&oid("1.3.6.1.2.1.1.2.0")));
    }
}
