//! Compiles the file format into what decoding needs. Pure.

use std::sync::Arc;

use utakata_profile::{
    Meaning, Source, Template,
    form::{self, Keyed},
    states::Named,
};

use super::{
    Condition, Content, Control, Error, Flags, Request, Variable,
    file::{self, File},
};

/// Compiles the keys of a file.
pub fn compile(keys: &File, source: &Source<'_>) -> Result<Content, Error> {
    let recognise = source.one(keys.r#match.as_ref(), |all| {
        all.0.iter().map(condition).collect::<Result<Vec<_>, _>>()
    });
    Ok(Content {
        recognise: recognise?.unwrap_or_default(),
        variables: source.each(&keys.var, |form| variable(form, source.states()))?,
        flags: source.each(&keys.status, flags)?,
        controls: source.controls(&keys.control, control)?,
    })
}

fn condition(form: &file::Condition) -> Result<Condition, String> {
    let Keyed { own, shared } = form;
    if own.var.is_empty() {
        return Err("a condition needs the name of a variable: var = \"ups.model\"".into());
    }
    Ok(Condition {
        of: own.var.clone(),
        test: shared.compile()?,
    })
}

fn variable(form: &file::Variable, named: &Named) -> Result<Variable, String> {
    let Keyed { own, shared } = form;
    if own.name.is_empty() {
        return Err("a variable needs its name: name = \"battery.charge\"".into());
    }
    let name = Template::parse(&own.name);
    let mut fixed = shared.clone();
    let mut attributes = Vec::new();
    for (key, text) in &shared.attributes {
        let template = Template::parse(text);
        let Some(parameter) = template.parameters().next() else {
            continue;
        };
        if !name.parameters().any(|known| known == parameter) {
            return Err(format!(
                "the attribute \"{key}\" has the parameter \"{parameter}\", which the name \
                 \"{}\" does not have",
                own.name
            ));
        }
        fixed.attributes.remove(key);
        attributes.push((Arc::from(key.as_str()), template));
    }
    Ok(Variable {
        name: name.pattern()?,
        when: own.when.0.iter().map(condition).collect::<Result<_, _>>()?,
        meaning: Meaning::compile(&fixed, named)?,
        attributes,
    })
}

fn flags(form: &file::Status) -> Result<Flags, String> {
    if form.first.is_empty() {
        return Err("\"first\" needs a flag: first = [{ flag = \"OB\", is = \"battery\" }]".into());
    }
    let meaning = form::Value {
        metric: Some(form.metric.clone()),
        text: true,
        attributes: form.attributes.clone(),
        ..form::Value::default()
    };
    let first = form.first.iter();
    Ok(Flags {
        meaning: Meaning::compile(&meaning, &Named::new())?,
        first: first
            .map(|one| (one.flag.clone(), one.is.clone()))
            .collect(),
        otherwise: form.r#else.clone(),
    })
}

fn control(form: &file::Control) -> Result<Control, String> {
    let request = match (form.first.is_empty(), &form.set) {
        (false, None) => Request::Command(form.first.clone()),
        (true, Some(name)) => Request::Set(name.clone()),
        _ => return Err("it needs \"first\" (commands) or \"set\" (a variable)".into()),
    };
    if matches!(request, Request::Set(_)) && form.value.is_none() {
        return Err("\"set\" needs a value: value = \"{seconds}\"".into());
    }
    Ok(Control {
        request,
        value: form.value.as_deref().map(Template::parse),
        done: form.done.as_ref().map(condition).transpose()?,
    })
}
