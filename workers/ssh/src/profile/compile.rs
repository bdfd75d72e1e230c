//! Compiles the file format into what decoding needs. Pure.

use std::{collections::BTreeMap, sync::Arc};

use utakata_profile::{
    Meaning, Pattern, Source, Template, Test,
    form::{self, Keyed},
    json::form::read,
    states::Named,
};
use utakata_worker_sdk::model::suggest;

use super::{
    Command, Content, Control, Error, Line,
    file::{self, File},
};
use crate::argument::{self, Allowed, Argument};

/// Compiles the keys of a file.
pub fn compile(keys: &File, source: &Source<'_>) -> Result<Content, Error> {
    let named = source.states();
    let commands = keys.command.iter().map(|(key, form)| {
        let compiled = command(form);
        let command = compiled.map_err(|problem| source.wrong(form.argv.span().start, problem))?;
        Ok((key.clone(), command))
    });
    // A profile that includes another may use its commands.
    let known = |name: &String| match keys.command.contains_key(name) || source.includes() {
        true => Ok(()),
        false => {
            let hint = suggest::hint(name, keys.command.keys().map(String::as_str));
            Err(format!("there is no command \"{name}\": {hint}"))
        }
    };
    Ok(Content {
        recognise: source.one(keys.r#match.as_ref(), recognition)?,
        commands: commands.collect::<Result<_, Error>>()?,
        reads: source.each(&keys.read, |form| {
            form.r#in.0.iter().try_for_each(known)?;
            read(form, named)
        })?,
        lines: source.each(&keys.line, |form| {
            known(&form.r#in)?;
            line(form, named)
        })?,
        exits: source.each(&keys.exit, |Keyed { own, shared }| {
            known(&own.r#in)?;
            Ok((own.r#in.clone(), Meaning::compile(shared, named)?))
        })?,
        controls: source.controls(&keys.control, control)?,
    })
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
