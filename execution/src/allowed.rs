//! What an environment runs at all, as its settings say: a manifest asks, and does not decide. Pure.

use utakata_model::{Cure, Problem, manifest::limits::Network, place::Place};

use crate::{Artifact, Config, Release, artifact::Image, config::Containers};

/// The registry of an image that names none.
const DEFAULT_REGISTRY: &str = "docker.io";
/// The folder of an image in that registry that names none.
const DEFAULT_FOLDER: &str = "library";
/// The code of a release that the settings do not allow.
const CODE: &str = "release-not-allowed";

/// The settings that decide.
#[derive(Debug, Clone, Default)]
pub(crate) struct Allowed {
    places: Vec<Place>,
    /// The networks of containers; absent where the runtime takes none from the manifest.
    networks: Option<Vec<Network>>,
    /// The registries, or parts of them; all if there are none.
    registries: Vec<String>,
}

impl Allowed {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            places: config.allow.clone(),
            networks: match config.runtime {
                Containers::Docker => Some(config.docker.networks.clone()),
                // Pods have the network that the cluster gives them.
                Containers::Kubernetes => None,
            },
            registries: config.registries.clone(),
        }
    }

    /// Everything, for who only reads a release.
    pub(crate) fn everything() -> Self {
        Self {
            places: Place::ALL.to_vec(),
            networks: None,
            registries: Vec::new(),
        }
    }

    /// Refuses a release that must not run here.
    pub(crate) fn check(&self, release: &Release) -> Result<(), Problem> {
        let network = release.manifest.run.network;
        let refused = match &release.artifact {
            Artifact::Program(_) => self.refuses_place(Place::Process),
            Artifact::Image(image) => self
                .refuses_place(Place::Image)
                .or_else(|| self.refuses_network(network))
                .or_else(|| self.refuses_image(image)),
        };
        match refused {
            None => Ok(()),
            Some(message) => Err(Problem::new(CODE, Cure::Operator, message)),
        }
    }

    fn refuses_place(&self, place: Place) -> Option<String> {
        let what = match place {
            Place::Process => "a program",
            Place::Image => "an image",
        };
        let word = place.as_str();
        (!self.places.contains(&place)).then(|| {
            format!(
                "it is {what}, and execution.allow of this environment does not have \"{word}\": \
                 nothing of it is started; add it there, or push a release of the other sort"
            )
        })
    }

    fn refuses_network(&self, network: Network) -> Option<String> {
        let networks = self.networks.as_ref()?;
        let word = network.as_str();
        (!networks.contains(&network)).then(|| {
            format!(
                "its manifest wants the network \"{word}\" (run.network), and \
                 execution.docker.networks of this environment does not have it: nothing of it is \
                 started; add it there, or change the manifest"
            )
        })
    }

    fn refuses_image(&self, image: &Image) -> Option<String> {
        if self.registries.is_empty() {
            return None;
        }
        let Image::Pinned(reference) = image else {
            return Some(
                "its image is an archive, and execution.registries of this environment names the \
                 registries that images come from: nothing of it is started; push the image to one"
                    .into(),
            );
        };
        let name = full_name(reference.as_str());
        let is_within = |allowed: &String| {
            let allowed = allowed.trim_end_matches('/');
            let rest = name.strip_prefix(allowed);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        (!self.registries.iter().any(is_within)).then(|| {
            format!(
                "its image {name} is in none of execution.registries of this environment ({}): \
                 nothing of it is started; add its registry there, or push the image to one of these",
                self.registries.join(", ")
            )
        })
    }
}

/// Returns the name of an image without its digest, with its registry.
fn full_name(reference: &str) -> String {
    let name = reference.split('@').next().unwrap_or(reference);
    match name.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => name.to_owned(),
        Some(_) => format!("{DEFAULT_REGISTRY}/{name}"),
        None => format!("{DEFAULT_REGISTRY}/{DEFAULT_FOLDER}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use utakata_model::{Manifest, ReleaseDigest, ReleaseId};

    use super::*;
    use crate::{artifact::Reference, config};

    fn release(network: &str, artifact: Artifact) -> Release {
        let text = format!(
            "kind = \"pdu\"\nversion = \"1\"\nprotocol = 1\n[run]\nprogram = \"run\"\nnetwork = \
             \"{network}\"\n[[action]]\nname = \"read\"\nclass = \"observe\"\n"
        );
        let manifest = Manifest::parse(&text).unwrap();
        let id = ReleaseId {
            kind: manifest.kind.clone(),
            version: "1".into(),
            digest: ReleaseDigest("0".repeat(64).into()),
        };
        Release {
            id: Arc::new(id),
            manifest: Arc::new(manifest),
            folder: "/r".into(),
            artifact,
            is_fetched: false,
        }
    }

    fn image(name: &str) -> Artifact {
        let text = format!("{name}@sha256:{}", "0".repeat(64));
        Artifact::Image(Image::Pinned(Reference::parse(&text).unwrap()))
    }

    #[track_caller]
    fn check(config: &Config, release: &Release, refused_by: Option<&str>) {
        let checked = Allowed::new(config).check(release);
        match (checked, refused_by) {
            (Ok(()), None) => {}
            (Err(problem), Some(setting)) => {
                assert_eq!(&*problem.code, CODE);
                assert!(problem.message.contains(setting), "{problem}");
            }
            (checked, _) => panic!("{checked:?} {refused_by:?}"),
        }
    }

    #[test]
    fn f12_an_environment_can_demand_containers_and_says_by_which_setting() {
        let program = release("none", Artifact::Program("/r/run".into()));
        let container = release("none", image("r.example/pdu"));
        let config = Config::default();
        check(&config, &program, None);
        check(&config, &container, None);
        let images = Config {
            allow: vec![Place::Image],
            ..Config::default()
        };
        check(&images, &program, Some("execution.allow"));
        check(&images, &container, None);
        let programs = Config {
            allow: vec![Place::Process],
            ..Config::default()
        };
        check(&programs, &program, None);
        check(&programs, &container, Some("execution.allow"));
    }

    #[test]
    fn f12_the_network_of_the_host_is_not_for_a_manifest_to_take() {
        let host = release("host", image("r.example/pdu"));
        check(&Config::default(), &host, Some("execution.docker.networks"));
        check(&Config::default(), &release("bridge", image("a/b")), None);
        // A process has the network of the machine, whatever its manifest says.
        let program = release("host", Artifact::Program("/r/run".into()));
        check(&Config::default(), &program, None);
        let named = Config {
            docker: config::Docker {
                networks: vec![Network::Host],
                ..config::Docker::default()
            },
            ..Config::default()
        };
        check(&named, &host, None);
        let pods = Config {
            runtime: Containers::Kubernetes,
            ..Config::default()
        };
        check(&pods, &host, None);
    }

    #[test]
    fn f12_images_come_from_the_registries_that_are_allowed() {
        for (allowed, name, is_allowed) in [
            (&[][..], "evil.example/pdu", true),
            (&["r.example"][..], "r.example/pdu", true),
            (&["r.example"], "r.example.evil/pdu", false),
            (&["r.example:5000"], "r.example:5000/pdu", true),
            (&["r.example/team/"], "r.example/team/pdu", true),
            (&["r.example/team"], "r.example/teams/pdu", false),
            (&["r.example/pdu"], "r.example/pdu", true),
            (&["r.example"], "pdu", false),
            (&["docker.io"], "pdu", true),
            (&["docker.io/team"], "team/pdu", true),
        ] {
            let config = Config {
                registries: allowed.iter().map(|one| (*one).into()).collect(),
                ..Config::default()
            };
            let refused = (!is_allowed).then_some("execution.registries");
            check(&config, &release("none", image(name)), refused);
        }
        let archive = Artifact::Image(Image::Archive("/r/image.tar".into()));
        let config = Config {
            registries: vec!["r.example".into()],
            ..Config::default()
        };
        check(
            &config,
            &release("none", archive),
            Some("execution.registries"),
        );
    }
}
