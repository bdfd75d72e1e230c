//! People, services, tokens and roles in tables.

use utakata_api::person::{PersonView, RoleView, TokenView};
use utakata_model::{Binding, Grant, GroupName};

use crate::output::{Cell, Row, words};

impl Row for PersonView {
    const HEADERS: &'static [&'static str] = &["NAME", "ROLES", "GROUPS", "MADE", "BY", "TOKENS"];
    const SORTED_BY: usize = 1;

    fn cells(&self) -> Vec<Cell> {
        let Some(made) = self.made else {
            let built_in = Cell::dim("(built in)");
            let in_file = Cell::dim("(in the file of the server)");
            let name = self.name.to_string();
            return vec![
                name.into(),
                "everything".into(),
                "".into(),
                built_in,
                "".into(),
                in_file,
            ];
        };
        let name = match self.service {
            true => format!("{} (service)", self.name),
            false => self.name.to_string(),
        };
        let roles: Vec<String> = self.roles.iter().map(|one| role(&one.grant)).collect();
        let roles = match roles.is_empty() {
            true => Cell::dim("none"),
            false => roles.join("; ").into(),
        };
        let groups = self.link.iter().flat_map(|link| &link.groups);
        let groups: Vec<&str> = groups.map(GroupName::as_str).collect();
        let tokens: Vec<&str> = self.tokens.iter().map(|one| one.name.as_str()).collect();
        let by = self
            .by
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        vec![
            name.into(),
            roles,
            groups.join(", ").into(),
            words::ago(made).into(),
            by.into(),
            tokens.join(", ").into(),
        ]
    }
}

fn role(grant: &Grant) -> String {
    match grant.selector.is_everything() {
        true => grant.role.to_string(),
        false => format!("{} on {}", grant.role, grant.selector),
    }
}

impl Row for TokenView {
    const HEADERS: &'static [&'static str] = &["OWNER", "TOKEN", "MADE", "BY", "ENDS", "LAST USED"];
    const SORTED_BY: usize = 2;

    fn cells(&self) -> Vec<Cell> {
        let ends = self.ends.map(|ends| ends.to_string());
        let used = self.used.map(words::ago);
        vec![
            self.owner.to_string().into(),
            self.name.to_string().into(),
            words::ago(self.made).into(),
            match &self.confirmed {
                None => self.by.to_string().into(),
                Some(confirmed) => format!("{}, confirmed by {confirmed}", self.by).into(),
            },
            ends.map_or_else(|| Cell::dim("does not"), Cell::from),
            used.map_or_else(|| Cell::dim("never"), Cell::from),
        ]
    }
}

impl Row for Binding {
    const HEADERS: &'static [&'static str] = &["BINDING", "WHO", "ROLE", "ON", "GIVEN", "BY"];
    const SORTED_BY: usize = 1;

    fn cells(&self) -> Vec<Cell> {
        let selector = match self.grant.selector.is_everything() {
            true => Cell::dim("everything"),
            false => self.grant.selector.to_string().into(),
        };
        vec![
            self.name.to_string().into(),
            self.grant.who.to_string().into(),
            self.grant.role.to_string().into(),
            selector,
            words::ago(self.made).into(),
            self.by.to_string().into(),
        ]
    }
}

impl Row for RoleView {
    const HEADERS: &'static [&'static str] = &["ROLE", "RIGHTS"];

    fn cells(&self) -> Vec<Cell> {
        let rights: Vec<&str> = self.rights.iter().map(|one| one.as_str()).collect();
        vec![self.name.to_string().into(), rights.join(", ").into()]
    }
}
