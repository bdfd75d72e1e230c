//! The subtrees that a device is asked for, so that it is recognised.

use std::collections::BTreeSet;

use async_snmp::Oid;

use crate::session::Error;

use super::TaskContext;

/// The arcs of a vendor's subtree: 1.3.6.1.4.1 and its number.
const VENDOR: usize = 7;
const ENTERPRISES: [u32; 6] = [1, 3, 6, 1, 4, 1];

impl TaskContext<'_> {
    /// Returns for each subtree whether the device has something there. It is first asked for whole
    /// vendors, because a device has objects of few.
    pub(super) async fn has(&self, subtrees: &[Oid]) -> Result<Vec<bool>, Error> {
        let roots = roots(subtrees);
        let found = self.session.has(self.deadline, &roots).await?;
        let found = roots.into_iter().zip(found);
        let found: BTreeSet<Oid> = found
            .filter_map(|(root, has)| has.then_some(root))
            .collect();
        let asked = below(subtrees, &found);
        let has = match asked.is_empty() {
            true => Vec::new(),
            false => self.session.has(self.deadline, &asked).await?,
        };
        let there = asked.into_iter().zip(has);
        let there: BTreeSet<Oid> = there.filter_map(|(oid, has)| has.then_some(oid)).collect();
        let is_there =
            |oid: &Oid| there.contains(oid) || (root(oid) == *oid && found.contains(oid));
        Ok(subtrees.iter().map(is_there).collect())
    }
}

/// Returns the vendor's subtree in which it is, or itself where no vendor owns it.
fn root(oid: &Oid) -> Oid {
    match oid.arcs() {
        arcs if arcs.len() > VENDOR && arcs.starts_with(&ENTERPRISES) => {
            Oid::from_slice(arcs.get(..VENDOR).unwrap_or(arcs))
        }
        arcs => Oid::from_slice(arcs),
    }
}

/// Returns the roots of these, each once.
fn roots(subtrees: &[Oid]) -> Vec<Oid> {
    let roots: BTreeSet<Oid> = subtrees.iter().map(root).collect();
    roots.into_iter().collect()
}

/// Returns those that are below one of these roots, each once.
fn below(subtrees: &[Oid], roots: &BTreeSet<Oid>) -> Vec<Oid> {
    let below = subtrees.iter().filter(|oid| {
        let root = root(oid);
        root != **oid && roots.contains(&root)
    });
    let below: BTreeSet<Oid> = below.cloned().collect();
    below.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oids(texts: &[&str]) -> Vec<Oid> {
        texts.iter().map(|text| Oid::parse(text).unwrap()).collect()
    }

    #[test]
    fn a_vendor_is_asked_for_once_and_its_subtrees_only_if_there_is_something() {
        let subtrees = oids(&[
            "1.3.6.1.2.1.99.1.1.1.4",
            "1.3.6.1.4.1.20916.1.8",
            "1.3.6.1.4.1.20916.1.11",
            "1.3.6.1.4.1.318.1.1.12",
        ]);
        assert_eq!(
            roots(&subtrees),
            oids(&[
                "1.3.6.1.2.1.99.1.1.1.4",
                "1.3.6.1.4.1.318",
                "1.3.6.1.4.1.20916",
            ])
        );
        let found = oids(&["1.3.6.1.2.1.99.1.1.1.4", "1.3.6.1.4.1.20916"]);
        assert_eq!(
            below(&subtrees, &found.into_iter().collect()),
            oids(&["1.3.6.1.4.1.20916.1.8", "1.3.6.1.4.1.20916.1.11"])
        );
    }
}
