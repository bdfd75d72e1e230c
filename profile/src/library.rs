//! The profiles available to a release: those in its own folder take precedence over those shipped
//! with the program.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use utakata_model::suggest;

use crate::{Content, Error, Profile};

/// All available profiles, by name.
#[derive(Debug)]
pub struct Library<C> {
    profiles: BTreeMap<String, Arc<Profile<C>>>,
}

impl<C> Default for Library<C> {
    fn default() -> Self {
        Self {
            profiles: BTreeMap::new(),
        }
    }
}

impl<C: Content> Library<C> {
    /// The profiles shipped with the program.
    pub fn shipped() -> Result<Self, Error> {
        let mut library = Self::default();
        for (name, text) in C::SHIPPED {
            library.add(name, &format!("profiles/{name}.toml"), text)?;
        }
        library.check()?;
        Ok(library)
    }

    /// The profiles shipped with the program and those in `FOLDER/profiles/*.toml`, which take
    /// precedence.
    pub fn of_release(folder: &Path) -> Result<Self, Error> {
        let mut library = Self::shipped()?;
        let folder = folder.join("profiles");
        let Ok(entries) = std::fs::read_dir(&folder) else {
            return Ok(library);
        };
        for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            let name = path.file_stem().and_then(|stem| stem.to_str());
            let (Some(name), Some("toml")) = (name, path.extension().and_then(|e| e.to_str()))
            else {
                continue;
            };
            let file = path.display().to_string();
            let text = std::fs::read_to_string(&path).map_err(|error| Error::Unreadable {
                file: file.clone(),
                problem: error.to_string(),
            })?;
            library.add(name, &file, &text)?;
        }
        library.check()?;
        Ok(library)
    }

    /// Compiles a profile and adds it, replacing one of the same name.
    pub fn add(&mut self, name: &str, file: &str, text: &str) -> Result<(), Error> {
        let profile = Profile::compile(name, file, text)?;
        self.profiles.insert(name.into(), Arc::new(profile));
        Ok(())
    }

    /// Checks that every included profile exists.
    fn check(&self) -> Result<(), Error> {
        self.profiles.values().try_for_each(|profile| {
            let by = format!(", which \"{}\" includes", profile.name);
            profile
                .include
                .iter()
                .try_for_each(|name| self.find(name, &by).map(drop))
        })
    }

    fn find(&self, name: &str, by: &str) -> Result<&Arc<Profile<C>>, Error> {
        self.profiles.get(name).ok_or_else(|| Error::Unknown {
            name: name.into(),
            by: by.into(),
            hint: suggest::hint(name, self.profiles.keys().map(String::as_str)),
        })
    }

    /// Returns the profiles with these names and everything they include, each once, included ones
    /// last: a specific profile takes precedence over a general one.
    pub fn resolve<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Arc<Profile<C>>>, Error> {
        let mut found: Vec<Arc<Profile<C>>> = Vec::new();
        for name in names {
            let profile = self.find(name, "")?;
            if !found.iter().any(|known| known.name == profile.name) {
                found.push(Arc::clone(profile));
            }
        }
        let mut at = 0;
        while let Some(profile) = found.get(at).map(Arc::clone) {
            let by = format!(", which \"{}\" includes", profile.name);
            for name in &profile.include {
                if !found.iter().any(|known| known.name == *name) {
                    found.push(Arc::clone(self.find(name, &by)?));
                }
            }
            at += 1;
        }
        Ok(found)
    }

    /// The profiles with conditions for recognising a device.
    pub fn recognisable(&self) -> impl Iterator<Item = &Arc<Profile<C>>> {
        self.profiles
            .values()
            .filter(|profile| profile.content.is_recognisable())
    }

    /// Returns all profiles, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Profile<C>>> {
        self.profiles.values()
    }
}
