//! The refusals of control and of its ledger.

use utakata_api::{operation::LeftOut, problem::Detail};

use super::{ELSEWHERE, NOTHING_SELECTED, Refused, WAIT, WAITS};
use crate::{code::Code, control, ledger};

impl From<control::Error> for Refused {
    fn from(error: control::Error) -> Self {
        let detail = error.to_string();
        match error {
            control::Error::Everything => {
                let cure = "if every target is meant, say so with the selector \"name\"";
                Self::new(Code::SelectorEmpty, detail, cure)
            }
            control::Error::Forbidden { problems } => {
                let cure = "nothing was sent: select only targets on which you have the right \
                            (`utakata role mine`)";
                Self::new(Code::Forbidden, detail, cure).with(problems)
            }
            control::Error::SelectsNothing { .. } => {
                Self::new(Code::SelectsNothing, detail, NOTHING_SELECTED)
            }
            control::Error::Impossible { problems } => {
                let cure = "nothing was sent: correct what is named, or select fewer targets; what a \
                            kind can do, with its parameters: `utakata get kind KIND` (GET \
                            /v1/kinds)";
                Self::new(Code::CannotBeDone, detail, cure).with(problems)
            }
            control::Error::NothingToUndo { left_out } => {
                let cure = "look at what it did: `utakata operation show ID`; what it changed can \
                            be set by hand";
                let detail_of = |one: LeftOut| Detail {
                    subject: format!("target {}", one.target),
                    message: one.why,
                };
                let problems = left_out.into_iter().map(detail_of).collect();
                Self::new(Code::NothingToUndo, detail, cure).with(problems)
            }
            control::Error::Wait => Self::new(Code::WaitTooLong, detail, WAIT),
            control::Error::Store(error) => Self::from(error.as_ref()),
            control::Error::Secrets(error) => Self::from(error),
            control::Error::Key { id } => Self::new(
                Code::KeyTaken,
                detail,
                format!("use another key, or see `utakata operation show {id}`"),
            ),
            control::Error::Many { count, .. } => {
                let cure = format!(
                    "if all of them are meant, look at the plan first (`--dry-run`) and give its \
                     token as `plan`, or say how many you expect: `expect` = {count}"
                );
                Self::new(Code::ManyTargets, detail, cure)
            }
            control::Error::EveryFeed { unpowered } => {
                let cure = "select one feed; if it is meant, look at the plan (`--dry-run`) and give \
                            its token as `plan`";
                let detail_of = |one: &control::Unpowered| Detail {
                    subject: format!("target {}", one.target),
                    message: "it would lose every feed that it has".into(),
                };
                let problems = unpowered.iter().map(detail_of).collect();
                Self::new(Code::EveryFeed, detail, cure).with(problems)
            }
            control::Error::Expected { .. } => {
                let cure = "look at what is selected: `utakata get targets -l SELECTOR`";
                Self::new(Code::OtherTargets, detail, cure)
            }
            control::Error::Token(_) => {
                let cure = "copy it as `--dry-run` printed it";
                Self::new(Code::PlanChanged, detail, cure)
            }
            control::Error::Changed(_) => {
                let cure = "look at the plan again (`--dry-run`), and use its new token";
                Self::new(Code::PlanChanged, detail, cure)
            }
            control::Error::Ending => {
                Self::new(Code::Ending, detail, "try again when it has been restarted")
            }
            control::Error::Elsewhere => Self::new(Code::LedgerElsewhere, detail, ELSEWHERE),
            control::Error::Waits => Self::new(Code::LedgerWaits, detail, WAITS),
            control::Error::InDoubt(id) => Self::in_doubt(id, detail),
        }
    }
}

impl From<ledger::Error> for Refused {
    fn from(error: ledger::Error) -> Self {
        match error {
            ledger::Error::Ending => {
                let cure = "try again when it has been restarted";
                Self::new(Code::Ending, error.to_string(), cure)
            }
            ledger::Error::Elsewhere => {
                Self::new(Code::LedgerElsewhere, error.to_string(), ELSEWHERE)
            }
            ledger::Error::Waits => Self::new(Code::LedgerWaits, error.to_string(), WAITS),
            ledger::Error::InDoubt(id) => Self::in_doubt(id, error.to_string()),
            ledger::Error::Store(error) => Self::from(error.as_ref()),
        }
    }
}

impl From<ledger::OperationUnfit> for Refused {
    fn from(unfit: ledger::OperationUnfit) -> Self {
        use ledger::OperationUnfit as Unfit;
        let detail = unfit.to_string();
        match unfit {
            Unfit::Over => {
                let cure = "what it did can be looked at (`utakata operation show ID`), and perhaps \
                            taken back (`utakata operation undo ID`)";
                Self::new(Code::OperationOver, detail, cure)
            }
            Unfit::State { .. } => {
                let cure = "see what it waits for: `utakata operation explain ID` \
                            (GET /v1/operations/{id}/explain)";
                Self::new(Code::OperationState, detail, cure)
            }
            Unfit::Same { .. } => {
                let cure = "somebody else approves it, with a token of their own: `utakata person \
                            add NAME`";
                Self::new(Code::ApproveOwn, detail, cure)
            }
        }
    }
}

impl From<ledger::TaskUnfit> for Refused {
    fn from(unfit: ledger::TaskUnfit) -> Self {
        use ledger::TaskUnfit as Unfit;
        let detail = unfit.to_string();
        match unfit {
            Unfit::Ended => {
                let cure = "see how: `utakata task show ID` (GET /v1/tasks/{id})";
                Self::new(Code::TaskEnded, detail, cure)
            }
            Unfit::Known => {
                let cure = "see what it waits for: `utakata task explain ID` \
                            (GET /v1/tasks/{id}/explain); `utakata task cancel ID` cancels it";
                Self::new(Code::TaskKnown, detail, cure)
            }
            Unfit::MayAct { until } => {
                let cure = format!("wait until {until:.0}: earlier answers may be wrong");
                Self::new(Code::TaskMayAct, detail, cure)
            }
        }
    }
}
