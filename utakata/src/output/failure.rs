//! Errors as one clear paragraph: the event, its subject, and the cure.

use anyhow::Error;
use console::Style;
use utakata_api::{client, problem::Detail};
use utakata_logic::{secrets, store};

use super::{Output, plain, words};

impl Output {
    /// Returns the text of an error for standard error.
    pub fn failure(&self, error: &Error) -> String {
        let red = self.style(Style::new().red().bold());
        let dim = self.style(Style::new().dim());
        let mut text = format!("{} {}", red.apply_to("error:"), sentence(error));
        if let Some(cure) = cure(error) {
            text.push_str(&format!("\n{} {cure}", dim.apply_to("cure:")));
        }
        let Some(problem) = refused(error) else {
            return text;
        };
        let told = |detail: &&Detail| text.contains(&words::sentence(&detail.message));
        let rest: Vec<&Detail> = problem.problems.iter().filter(|one| !told(one)).collect();
        for detail in rest {
            let subject = plain::line(&detail.subject);
            let message = words::sentence(&detail.message);
            text.push_str(&format!("\n  {subject}: {message}"));
        }
        if !problem.cure.is_empty() {
            let cure = words::sentence(&problem.cure);
            text.push_str(&format!("\n{} {cure}", dim.apply_to("cure:")));
        }
        text
    }

    /// Returns a style for standard error, plain without colours.
    pub fn style(&self, style: Style) -> Style {
        style.force_styling(self.error_colours())
    }
}

/// Returns the chain of causes, each mentioned once.
pub fn sentence(error: &Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let is_of_server = cause.is::<client::Error>();
        let cause = cause.to_string();
        let cause = if is_of_server {
            words::sentence(&cause)
        } else {
            plain::lines(&cause).into_owned()
        };
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text.push_str(&format!(": {cause}"));
        }
    }
    text
}

fn refused(error: &Error) -> Option<&utakata_api::Problem> {
    error.chain().find_map(|cause| {
        cause
            .downcast_ref::<client::Error>()
            .and_then(|error| match error {
                client::Error::Refused(problem) => Some(problem.as_ref()),
                _ => None,
            })
    })
}

/// Returns the remedy of the first cause that has one.
fn cure(error: &Error) -> Option<String> {
    error.chain().find_map(|cause| {
        let store = cause.downcast_ref::<store::Error>();
        let secrets = cause.downcast_ref::<secrets::Error>();
        let cure = store.map(store::Error::cure);
        cure.or_else(|| secrets.map(secrets::Error::cure))
    })
}
