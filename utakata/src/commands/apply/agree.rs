//! Confirmation before targets are deleted.

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Result, bail};

use crate::{exit::Usage, output::prompt};

/// The largest number of names that are listed.
const NAMED: usize = 5;

/// Asks for confirmation before deleting. Without a terminal, --yes is required.
pub fn to_delete<'a>(names: impl IntoIterator<Item = &'a str>, is_yes: bool) -> Result<bool> {
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() || is_yes {
        return Ok(true);
    }
    let told = description(&names);
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        bail!(Usage(format!(
            "this would delete {told}: give --yes if that is meant, or --dry-run to see all of it; \
             nothing was done"
        )));
    }
    prompt(&format!("this deletes {told}. Do it? [y/N] "))?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Formats names: `7 things: a, b, c, d, e, …`.
fn description(names: &[&str]) -> String {
    let shown = names[..names.len().min(NAMED)].join(", ");
    let more = if names.len() > NAMED { ", …" } else { "" };
    match names {
        [one] => (*one).to_owned(),
        all => format!("{}: {shown}{more}", all.len()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_to_go_is_reported_by_number_and_by_some_names() {
        assert_eq!(super::description(&["target a"]), "target a");
        assert_eq!(super::description(&["a", "b"]), "2: a, b");
        let names = ["a", "b", "c", "d", "e", "f"];
        assert_eq!(super::description(&names), "6: a, b, c, d, e, …");
    }
}
