//! A profile of any protocol: the keys that all have, and the content, which the protocol gives a
//! meaning.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use toml::Spanned;

use crate::{
    Error,
    form::{Keyed, Keys},
    keys,
    states::Named,
};

/// A compiled profile.
#[derive(Debug)]
pub struct Profile<C> {
    /// Its name: the file name without extension.
    pub name: String,
    /// Its purpose, in a sentence.
    pub description: String,
    /// The names of the profiles that it includes.
    pub include: Vec<String>,
    pub content: C,
}

/// The part of a profile that is a protocol's own.
pub trait Content: Sized {
    /// The profiles shipped with the program: names and texts.
    const SHIPPED: &'static [(&'static str, &'static str)];

    /// The keys that the protocol adds to the head.
    type Keys: Keys;

    /// Compiles the keys of a file. Pure.
    ///
    /// # Errors
    /// The file has a mistake.
    fn compile(keys: &Self::Keys, source: &Source<'_>) -> Result<Self, Error>;

    /// Returns true if it has conditions by which a device is recognised.
    fn is_recognisable(&self) -> bool;

    /// The names of its controls, with the parameters that each needs.
    fn controls(&self) -> Vec<(&str, Vec<&str>)> {
        Vec::new()
    }
}

keys! {
    /// The keys of every profile.
    pub struct Head {
        /// The purpose of the profile, in a sentence.
        pub description: String,
        /// The names of included profiles.
        pub include: Vec<String>,
        /// Maps of states, referenced by metrics and attributes.
        pub states: Named,
    }
}

/// A file that is being compiled.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its name, for errors.
    file: &'a str,
    text: &'a str,
    head: &'a Head,
}

impl<C: Content> Profile<C> {
    /// Compiles the text of a profile. `file` is used in errors; `name` is the profile's own.
    ///
    /// # Errors
    /// The text has a mistake.
    pub fn compile(name: &str, file: &str, text: &str) -> Result<Self, Error> {
        let form: Keyed<C::Keys, Head> = parse(file, text)?;
        let head = form.shared;
        if head.description.is_empty() {
            let problem = "a profile needs its purpose: description = \"Power of rack PDUs\"";
            return Err(Error::at(file, text, 0, problem));
        }
        let source = Source {
            file,
            text,
            head: &head,
        };
        Ok(Self {
            name: name.into(),
            content: C::compile(&form.own, &source)?,
            description: head.description,
            include: head.include,
        })
    }
}

fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| Error::parse(file, text, &error))
}

impl<'a> Source<'a> {
    /// The maps of states of the file.
    pub fn states(&self) -> &'a Named {
        &self.head.states
    }

    /// Returns true if it includes other profiles, whose names of things it may use.
    pub fn includes(&self) -> bool {
        !self.head.include.is_empty()
    }

    /// Returns the error for a problem at a byte of the file.
    pub fn wrong(&self, byte: usize, problem: impl Into<String>) -> Error {
        Error::at(self.file, self.text, byte, problem)
    }

    /// Returns the error for a problem in a table whose name occurs once.
    pub fn wrong_in(&self, table: &str, problem: impl Into<String>) -> Error {
        self.wrong(self.text.find(table).unwrap_or(0), problem)
    }

    /// Compiles a table that may be there.
    ///
    /// # Errors
    /// It has a mistake.
    pub fn one<F, T>(
        &self,
        form: Option<&Spanned<F>>,
        compile: impl Fn(&F) -> Result<T, String>,
    ) -> Result<Option<T>, Error> {
        form.map(|form| self.spanned(form, &compile)).transpose()
    }

    /// Compiles each table of a list.
    ///
    /// # Errors
    /// One of them has a mistake.
    pub fn each<F, T>(
        &self,
        forms: &[Spanned<F>],
        compile: impl Fn(&F) -> Result<T, String>,
    ) -> Result<Vec<T>, Error> {
        forms
            .iter()
            .map(|form| self.spanned(form, &compile))
            .collect()
    }

    /// Compiles each value of a table.
    ///
    /// # Errors
    /// One of them has a mistake.
    pub fn named<F, T>(
        &self,
        forms: &BTreeMap<String, Spanned<F>>,
        compile: impl Fn(&F) -> Result<T, String>,
    ) -> Result<BTreeMap<String, T>, Error> {
        forms
            .iter()
            .map(|(name, form)| Ok((name.clone(), self.spanned(form, &compile)?)))
            .collect()
    }

    /// Compiles the controls, by action.
    ///
    /// # Errors
    /// One of them has a mistake.
    pub fn controls<F, T>(
        &self,
        forms: &BTreeMap<String, F>,
        compile: impl Fn(&F) -> Result<T, String>,
    ) -> Result<BTreeMap<String, T>, Error> {
        let compiled = forms.iter().map(|(action, form)| {
            let control = compile(form).map_err(|problem| {
                let problem = format!("control \"{action}\": {problem}");
                self.wrong_in(&format!("control.{action}"), problem)
            });
            Ok((action.clone(), control?))
        });
        compiled.collect()
    }

    fn spanned<F, T>(
        &self,
        form: &Spanned<F>,
        compile: impl Fn(&F) -> Result<T, String>,
    ) -> Result<T, Error> {
        compile(form.get_ref()).map_err(|problem| self.wrong(form.span().start, problem))
    }
}
