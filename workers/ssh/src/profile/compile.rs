//! Compiles the file format into what decoding needs. Pure.

use std::{collections::BTreeMap, sync::Arc};

use utakata_profile::{
    Meaning, Pattern, Template, Test,
    form::{self, Keyed},
    json::form::read,
    states::Named,
};
use utakata_worker_sdk::model::suggest;

use super::{
    Command, Control, Error, Line, Profile,
    file::{self, File},
};
use crate::argument::{self, Allowed, Argument};

/// Compiles the text of a profile. `file` is used in errors; `name` is the profile's own.
pub fn compile(name: &str, file: &str, text: &str) -> Result<Profile, Error> {
    let form: File = toml::from_str(text).map_err(|error| Error::parse(file, text, &error))?;
    let at = |byte: usize, problem: String| Error::at(file, text, byte, problem);
    let named = &form.states;
    let recognise = form.r#match.as_ref().map(|form| {
        let compiled = recognition(form.get_ref());
        compiled.map_err(|problem| at(form.span().start, problem))
    });
    let commands = form.command.iter().map(|(key, form)| {
        let compiled = command(form);
        let command = compiled.map_err(|problem| at(form.argv.span().start, problem))?;
        Ok((key.clone(), command))
    });
    let known = |name: &str| known(&form, name);
    let reads = form.read.iter().map(|one| {
        let form = one.get_ref();
        let known = form.r#in.0.iter().try_for_each(|name| known(name));
        let compiled = known.and_then(|()| read(form, named));
        compiled.map_err(|problem| at(one.span().start, problem))
    });
    let lines = form.line.iter().map(|one| {
        let form = one.get_ref();
        let compiled = known(&form.r#in).and_then(|()| line(form, named));
        compiled.map_err(|problem| at(one.span().start, problem))
    });
    let exits = form.exit.iter().map(|one| {
        let Keyed { own, shared } = one.get_ref();
        let compiled = known(&own.r#in).and_then(|()| Meaning::compile(shared, named));
        let meaning = compiled.map_err(|problem| at(one.span().start, problem))?;
        Ok((own.r#in.clone(), meaning))
    });
    let controls = form.control.iter().map(|(action, form)| {
        let compiled = control(form).map_err(|problem| {
            let byte = text.find(&format!("control.{action}")).unwrap_or(0);
            at(byte, format!("control \"{action}\": {problem}"))
        });
        Ok((action.clone(), compiled?))
    });
    Ok(Profile {
        name: name.into(),
        recognise: recognise.transpose()?,
        commands: commands.collect::<Result<_, Error>>()?,
        reads: reads.collect::<Result<_, Error>>()?,
        lines: lines.collect::<Result<_, Error>>()?,
        exits: exits.collect::<Result<_, Error>>()?,
        controls: controls.collect::<Result<_, Error>>()?,
        description: form.description.clone(),
        include: form.include.clone(),
    })
}

/// Checks that there is a command of a name. A profile that includes another may use its commands.
fn known(form: &File, name: &str) -> Result<(), String> {
    match form.command.contains_key(name) || !form.include.is_empty() {
        true => Ok(()),
        false => {
            let hint = suggest::hint(name, form.command.keys().map(String::as_str));
            Err(format!("there is no command \"{name}\": {hint}"))
        }
    }
}

fn recognition(form: &file::Match) -> Result<(Vec<String>, Test), String> {
    let Keyed { own, shared } = form;
    Ok((program(&own.argv)?, shared.compile()?))
}

fn program(argv: &[String]) -> Result<Vec<String>, String> {
    if argv.first().is_none_or(String::is_empty) {
        return Err("a command needs its program: argv = [\"uname\", \"-s\"]".into());
    }
    argument::command(argv.iter().map(String::as_str))?;
    Ok(argv.to_vec())
}

fn command(form: &file::Command) -> Result<Command, String> {
    let exit = match form.exit.is_empty() {
        true => vec![0],
        false => form.exit.clone(),
    };
    Ok(Command {
        arguments: program(form.argv.get_ref())?,
        exit,
        is_optional: form.or_absent,
    })
}

fn line(form: &file::Line, named: &Named) -> Result<Line, String> {
    let pattern = form::pattern(&form.pattern)?;
    let has = |group: &str| pattern.capture_names().flatten().any(|name| name == group);
    let needs = |group: &str| match has(group) {
        true => Ok(()),
        false => Err(format!(
            "the pattern has no group \"{group}\": (?P<{group}>...)"
        )),
    };
    let mut attributes = Vec::new();
    for (key, text) in &form.attributes {
        let template = Template::parse(text);
        template.parameters().try_for_each(needs)?;
        attributes.push((Arc::from(key.as_str()), template));
    }
    let metrics = form.metric.0.iter().map(|form| {
        let Keyed { own, shared } = form;
        needs(&own.group)?;
        Ok((own.group.clone(), Meaning::compile(shared, named)?))
    });
    Ok(Line {
        command: form.r#in.clone(),
        metrics: metrics.collect::<Result<_, String>>()?,
        attributes,
        pattern,
    })
}

fn control(form: &file::Control) -> Result<Control, String> {
    let arguments: Vec<Argument> = program(&form.argv)?
        .iter()
        .map(|text| Argument(Template::parse(text)))
        .collect();
    let mut first = arguments.iter().take(1);
    if first.any(|argument| argument.0.parameters().next().is_some()) {
        return Err("the program cannot be a parameter".into());
    }
    let mut allow = BTreeMap::new();
    for parameter in arguments.iter().flat_map(|one| one.0.parameters()) {
        let Some(texts) = form.allow.get(parameter).filter(|texts| !texts.is_empty()) else {
            return Err(format!(
                "\"allow\" says nothing of the parameter \"{parameter}\": allow = {{ {parameter} = \
                 [\"...\"] }}"
            ));
        };
        let patterns = texts.iter().map(|text| allowed(text));
        let patterns = patterns.collect::<Result<_, String>>()?;
        allow.insert(parameter.to_owned(), Allowed(patterns));
    }
    let done = match form.exit.done.is_empty() {
        true => vec![0],
        false => form.exit.done.clone(),
    };
    Ok(Control {
        arguments,
        allow,
        done,
        refused: form.exit.refused.clone(),
    })
}

/// The pattern of a text in which `*` stands for letters, digits and `._:-`.
fn allowed(text: &str) -> Result<Pattern, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:@-*".contains(c);
    if text.is_empty() || text.starts_with(['-', '*']) || !text.chars().all(plain) {
        return Err(format!(
            "\"{text}\" cannot be allowed: letters, digits and ._:@-, no - or * at the beginning"
        ));
    }
    let parts: Vec<String> = text
        .split('*')
        .map(|part| part.replace('.', r"\."))
        .collect();
    form::pattern(&format!("^{}$", parts.join("[A-Za-z0-9._:-]+")))
}
