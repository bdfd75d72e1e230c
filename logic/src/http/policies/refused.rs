//! Refusals of requests about policies.

use crate::{code::Code, http::Refused, policies::Error};

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::None(_) => {
                let cure = "see `utakata policy list` (GET /v1/policies); one that was only just \
                            applied is there within a second or two";
                Self::new(Code::PolicyState, detail, cure)
            }
            Error::NotTested => {
                let cure = "test it: `utakata policy test NAME --since 30d`";
                Self::new(Code::PolicyUntested, detail, cure)
            }
            Error::Token => {
                let cure = "test it again, look at the result, and take the new token: `utakata \
                            policy test NAME --since 30d`";
                Self::new(Code::PolicyToken, detail, cure)
            }
            Error::Lasts => Self::new(Code::BodyInvalid, detail, "say how long: `for` (7d)"),
            Error::Unfit(_) => {
                let cure = "see what it does: `utakata policy show NAME`";
                Self::new(Code::PolicyState, detail, cure)
            }
            Error::History(source) => {
                let detail = format!("{detail}: {source}");
                Self::new(Code::HistoryUnreadable, detail, "the log says more")
            }
            Error::NoHistory => {
                let detail = "this logic environment keeps no history";
                Self::new(
                    Code::HistoryUnreadable,
                    detail,
                    "the status and the log say why",
                )
            }
            Error::Ledger(error) => Self::from(error),
            Error::Inventory(error) => Self::from(error),
            Error::NotAnother(error) => Self::from(error),
            Error::Again => Self::new(Code::TooBusy, detail, "try again"),
        }
    }
}
