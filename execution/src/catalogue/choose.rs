//! Of all releases, those that this environment serves, by kind.

use std::{collections::BTreeMap, sync::Arc};

use utakata_model::{Kind, manifest::PoolSize};

use super::{Catalogue, Release};

/// A release to be served.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen {
    /// Which.
    pub(crate) release: Arc<Release>,
    /// Whether tasks without a pin go to it: true of the newest version of a kind.
    pub(crate) is_active: bool,
    /// How many workers.
    pub(crate) size: PoolSize,
}

/// The releases of each kind. The newest version is active; the others wait for tasks of
/// targets that are pinned to them. Where a rollout says otherwise, it says so here.
pub(crate) fn choose(
    catalogue: &Catalogue,
    sizes: &BTreeMap<Kind, PoolSize>,
) -> BTreeMap<Kind, Vec<Chosen>> {
    let mut chosen: BTreeMap<Kind, Vec<Chosen>> = BTreeMap::new();
    for release in &catalogue.releases {
        let kind = release.manifest.kind.clone();
        let size = sizes.get(&kind).unwrap_or(&release.manifest.pool).clone();
        chosen.entry(kind).or_default().push(Chosen {
            release: release.clone(),
            is_active: false,
            size,
        });
    }
    for releases in chosen.values_mut() {
        let newest = releases
            .iter_mut()
            // What was fetched serves where it is asked for, and not because it is newer.
            .filter(|chosen| !chosen.release.is_fetched)
            .max_by_key(|chosen| chosen.release.manifest.version_numbers());
        if let Some(newest) = newest {
            newest.is_active = true;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::release;

    #[test]
    fn the_newest_version_of_each_kind_is_active_by_its_numbers() {
        let catalogue = Catalogue {
            releases: vec![
                release("echo", "1.9.0"),
                release("echo", "1.10.0"),
                release("echo", "1.2.0"),
                release("pdu", "0.1"),
            ],
            refused: Vec::new(),
        };
        let sizes = BTreeMap::from([(
            Kind::new("pdu").unwrap(),
            PoolSize {
                min: 2,
                max: 3,
                reserve: 1,
                ..PoolSize::default()
            },
        )]);
        let chosen = choose(&catalogue, &sizes);
        let active = |kind: &str| -> Vec<&str> {
            chosen[kind]
                .iter()
                .filter(|chosen| chosen.is_active)
                .map(|chosen| &*chosen.release.id.version)
                .collect()
        };
        assert_eq!(active("echo"), ["1.10.0"]);
        assert_eq!(active("pdu"), ["0.1"]);
        assert_eq!(chosen["echo"].len(), 3);
        assert_eq!(chosen["echo"][0].size, PoolSize::default());
        assert_eq!(chosen["pdu"][0].size.min, 2);
    }
}
