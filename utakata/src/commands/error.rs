//! `utakata error`: the meaning of a code and its cure. It needs no server.

use anyhow::{Result, bail};
use clap::Args;
use console::Style;
use utakata_logic::code::{self, CodePage};
use utakata_model::suggest;

use super::Context;
use crate::{
    exit::{Exit, Usage},
    output::{Cell, Output, Row},
};

#[derive(Debug, Args)]
#[command(after_help = "\
Every problem has a code: in brackets after the sentence, and in -o json.

Examples:
  utakata error unreachable
  utakata error                   all codes")]
pub struct Arguments {
    /// The code [default: list all]
    code: Option<String>,
}

impl Row for CodePage {
    const HEADERS: &'static [&'static str] = &["CODE", "MEANING"];

    fn cells(&self) -> Vec<Cell> {
        vec![self.code.into(), self.title().into()]
    }
}

pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Exit> {
    let output = context.output;
    let Some(name) = &arguments.code else {
        output.list(code::pages(), "there is no code")?;
        return Ok(Exit::Done);
    };
    let Some(page) = code::page(name.trim_matches(['(', ')'])) else {
        let known = code::pages().iter().map(|page| page.code);
        let hint = match suggest::nearest(name, known) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "`utakata error` lists all; a worker may have codes of its own".into(),
        };
        bail!(Usage(format!("there is no code \"{name}\": {hint}")));
    };
    output.one(page, || plain(page.text, output))?;
    Ok(Exit::Done)
}

/// Turns the Markdown of these pages into plain text; headings stand out anyway.
fn plain(markdown: &str, output: &Output) -> String {
    let bold = Style::new().bold().force_styling(output.colours());
    let line = |line: &str| match line.trim_start_matches('#') {
        same if same.len() == line.len() => line.to_owned(),
        heading => bold.apply_to(heading.trim_start()).to_string(),
    };
    let lines: Vec<String> = markdown.lines().map(line).collect();
    lines.join("\n")
}
