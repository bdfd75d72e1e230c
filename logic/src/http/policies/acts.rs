//! Acts of people on policies. Each is in the audit trail.

use std::time::Duration;

use axum::Json;
use utakata_api::{
    ledger::{Attribution, Reason},
    policy::{ArmPolicy, PolicyArmed, PolicyView},
};
use utakata_model::{PolicyName, duration, policy::Mode};

use super::view;
use crate::{
    clock,
    code::Code,
    http::{
        Refused,
        allowed::{Allowed, ToArm, ToStop},
        body,
        caller::Person,
        path::Path,
        reason,
    },
    policies::{Arm, Told},
};

/// The longest time for which a policy is armed.
const MAX_ARMED: Duration = Duration::from_secs(30 * 86_400);

/// Arms a policy for a time, with the token of its last test; where an action of it is of high risk
/// and the site wants approvals, once two people have requested it.
#[utoipa::path(post, path = "/v1/policies/{name}/arm", operation_id = "arm_policy",
    tag = "smart control",
    params(("name" = PolicyName, Path, description = "The policy's name")),
    request_body = ArmPolicy,
    responses((status = 200, description = "Whether a second person is needed", body = PolicyArmed),
        (status = 409, description = "The policy is not in the state for it",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(in crate::http) async fn arm(
    Allowed { api, caller, .. }: Allowed<ToArm>,
    Path(name): Path<PolicyName>,
    body::Json(asked): body::Json<ArmPolicy>,
) -> Result<Json<PolicyArmed>, Refused> {
    if asked.lasts.is_zero() || asked.lasts > MAX_ARMED {
        let max = duration::format(MAX_ARMED);
        let detail = format!("a policy is armed for a time of at most {max}");
        return Err(Refused::new(
            Code::BodyInvalid,
            detail,
            "say how long: `for` (7d)",
        ));
    }
    let why = asked.why.as_deref().map(reason::check).transpose()?;
    let arm = Arm {
        name,
        mode: match asked.advise {
            true => Mode::Advise,
            false => Mode::Armed,
        },
        token: asked.token,
        lasts: asked.lasts,
        by: Attribution {
            by: caller.name.to_string(),
            at: clock::now(),
            why,
        },
        caller,
    };
    let told = api.handle.policies().arm(arm).await?;
    let needs_second = told == Told::NeedsSecond;
    Ok(Json(PolicyArmed { needs_second }))
}

/// Puts a policy into shadow: it decides, does nothing, and hands back what it has changed.
#[utoipa::path(post, path = "/v1/policies/{name}/shadow", operation_id = "shadow_policy",
    tag = "smart control",
    params(("name" = PolicyName, Path, description = "The policy's name")),
    request_body = Reason,
    responses((status = 200, description = "The policy afterwards", body = PolicyView),
        (status = 409, description = "The policy is not in the state for it",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(in crate::http) async fn shadow(
    Allowed { api, .. }: Allowed<ToStop>,
    Path(name): Path<PolicyName>,
    Person(by): Person,
    body::Json(said): body::Json<Reason>,
) -> Result<Json<PolicyView>, Refused> {
    let by = reason::statement(&by, &said)?;
    let policies = api.handle.policies();
    policies.disarm(name.clone(), Mode::Shadow, by).await?;
    view::one(&api, &name).await.map(Json)
}

/// Switches a policy off: it decides nothing, once it has handed back what it has changed.
#[utoipa::path(post, path = "/v1/policies/{name}/off", operation_id = "switch_policy_off",
    tag = "smart control",
    params(("name" = PolicyName, Path, description = "The policy's name")),
    request_body = Reason,
    responses((status = 200, description = "The policy afterwards", body = PolicyView),
        (status = 409, description = "The policy is not in the state for it",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(in crate::http) async fn off(
    Allowed { api, .. }: Allowed<ToStop>,
    Path(name): Path<PolicyName>,
    Person(by): Person,
    body::Json(said): body::Json<Reason>,
) -> Result<Json<PolicyView>, Refused> {
    let by = reason::statement(&by, &said)?;
    let policies = api.handle.policies();
    policies.disarm(name.clone(), Mode::Off, by).await?;
    view::one(&api, &name).await.map(Json)
}

/// Takes the hands of all policies off, at once: they are in shadow, and hand back what they have
/// changed.
#[utoipa::path(post, path = "/v1/smart-control/stop", operation_id = "stop_policies",
    tag = "smart control",
    request_body = Reason,
    responses((status = 200, description = "All policies afterwards", body = Vec<PolicyView>),
        (status = 409, description = "The policy is not in the state for it",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(in crate::http) async fn stop(
    Allowed { api, .. }: Allowed<ToStop>,
    Person(by): Person,
    body::Json(said): body::Json<Reason>,
) -> Result<Json<Vec<PolicyView>>, Refused> {
    let by = reason::statement(&by, &said)?;
    api.handle.policies().stop(by).await?;
    view::all(&api).await.map(Json)
}

/// Ends the red rule of an envelope, by which no policy acts. Policies stay in shadow until they are
/// armed.
#[utoipa::path(post, path = "/v1/smart-control/resume", operation_id = "resume_policies",
    tag = "smart control",
    request_body = Reason,
    responses((status = 200, description = "All policies afterwards", body = Vec<PolicyView>),
        (status = 409, description = "The policy is not in the state for it",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(in crate::http) async fn resume(
    Allowed { api, .. }: Allowed<ToArm>,
    Person(by): Person,
    body::Json(said): body::Json<Reason>,
) -> Result<Json<Vec<PolicyView>>, Refused> {
    let by = reason::statement(&by, &said)?;
    api.handle.policies().resume(by).await?;
    view::all(&api).await.map(Json)
}
