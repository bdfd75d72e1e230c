//! `/v1/login`: logging in by the identity provider, in a browser or on the command line.

use std::time::Duration;

use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use utakata_api::login::{DeviceAnswer, DeviceLogin, DeviceQuestion, LoginOptions, NewLogin};
use utakata_openid::{Polled, Visitor};
use utoipa_axum::routes;

use super::{
    Refused,
    arriving::Arriving,
    body, cookie,
    people::{Unkept, unkept},
    problem::InBrowser,
    query::Query,
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::{Patient, Prompt},
    },
};
use crate::{code::Code, login::Seed, people::Via, token::is_same};

/// The longest pause between two questions, in seconds.
const MAX_INTERVAL: u64 = 120;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(options)),
        Route::new(Anywhere, NoBody, Prompt, routes!(leave)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(come_back)),
        Route::new(Anywhere, NoBody, Patient, routes!(begin_device)),
        Route::new(ByKeeper, OneThing, Patient, routes!(ask_device)),
    ]
}

/// The answer of the provider, by way of the browser.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CallbackQuery {
    /// The state that was sent with the question.
    #[serde(default)]
    #[param(max_length = 4096)]
    state: String,
    /// The code that becomes an ID token.
    #[param(max_length = 16384)]
    code: Option<String>,
    /// The reason why there is no code.
    #[param(max_length = 4096)]
    error: Option<String>,
    /// The same for people.
    #[param(max_length = 4096)]
    error_description: Option<String>,
    /// The provider (RFC 9207).
    #[param(max_length = 4096)]
    iss: Option<String>,
}

/// Returns the ways to log in besides tokens. No token is needed.
#[utoipa::path(get, path = "/v1/login", operation_id = "get_login_options", tag = "people",
    security(()),
    responses((status = 200, description = "The identity provider, if there is one", body = LoginOptions)))]
pub(super) async fn options(arriving: Arriving) -> Unkept<LoginOptions> {
    let settings = arriving.settings();
    let has_provider = arriving.provider().is_ok() && arriving.key().is_ok();
    let origin = settings.origin().filter(|_| has_provider);
    unkept(LoginOptions {
        provider: settings.provider_name().filter(|_| has_provider),
        browser: origin.map(|origin| format!("{origin}/v1/login/browser")),
    })
}

/// Sends a browser to the identity provider. No token is needed.
#[utoipa::path(get, path = "/v1/login/browser", operation_id = "login_in_browser", tag = "people",
    security(()),
    responses((status = 303, description = "To the identity provider"),
        (status = 404, description = "Nobody can log in by an identity provider",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn leave(arriving: Arriving, headers: HeaderMap) -> Response {
    let site = cookie::Site::of(arriving.settings().origin(), &headers);
    match question(&arriving).await {
        Ok((url, seed)) => {
            let kept = site.login(&seed.text(), Seed::seconds());
            to(&url, [(header::SET_COOKIE, kept)])
        }
        Err(refused) => InBrowser(refused, headers).into_response(),
    }
}

async fn question(arriving: &Arriving) -> Result<(String, Seed), Refused> {
    let provider = arriving.provider()?;
    let seed = Seed::generate(crate::clock::now()).map_err(|error| {
        let detail = format!("the system provides no random numbers: {error}");
        Refused::new(
            Code::Internal,
            detail,
            "try again; if it persists, report it",
        )
    })?;
    let challenge = arriving.key()?.challenge(&seed);
    Ok((provider.authorization(&challenge).await?, seed))
}

/// Takes a browser back from the identity provider, and begins its session. No token is needed: the
/// browser shows the cookie with which it left.
#[utoipa::path(get, path = "/v1/login/callback", operation_id = "come_back_from_login", tag = "people",
    security(()), params(CallbackQuery),
    responses((status = 303, description = "To the web UI, with the session in a cookie"),
        (status = 404, description = "Nobody can log in by an identity provider",
            body = utakata_api::Problem, content_type = "application/problem+json"),
        (status = 409, description = "The name is somebody else's here",
            body = utakata_api::Problem, content_type = "application/problem+json"),
        (status = 410, description = "It has taken too long",
            body = utakata_api::Problem, content_type = "application/problem+json"),
        (status = 422, description = "The name is none here",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn come_back(
    arriving: Arriving,
    headers: HeaderMap,
    Query(query): Query<CallbackQuery>,
) -> Response {
    let site = cookie::Site::of(arriving.settings().origin(), &headers);
    let forgotten = (header::SET_COOKIE, site.login("", 0));
    let visitor = match visitor(&arriving, &headers, query).await {
        Ok(visitor) => arriving.admit(visitor, Via::Browser).await,
        Err(refused) => Err(arriving.failed(refused).await),
    };
    match visitor {
        Ok(login) => to("/", [arriving.session(&login, &headers), forgotten]),
        Err(refused) => {
            let refusal = InBrowser(refused, headers);
            (AppendHeaders([forgotten]), refusal).into_response()
        }
    }
}

async fn visitor(
    arriving: &Arriving,
    headers: &HeaderMap,
    query: CallbackQuery,
) -> Result<Visitor, Refused> {
    let provider = arriving.provider()?;
    let now = crate::clock::now();
    let kept = cookie::logins(headers).find_map(|text| Seed::read(text, now));
    let seed = kept.ok_or_else(expired)?;
    let challenge = arriving.key()?.challenge(&seed);
    if !is_same(query.state.as_bytes(), challenge.state.as_bytes()) {
        return Err(expired());
    }
    let is_other = |issuer: &String| Some(issuer) != arriving.settings().issuer.as_ref();
    if query.iss.as_ref().is_some_and(is_other) {
        return Err(refused("the answer is from another provider"));
    }
    if let Some(error) = query.error {
        let said = query.error_description.map(|said| format!(": {said}"));
        let detail = format!("{error}{}", said.unwrap_or_default());
        return Err(refused(format!("the identity provider says {detail:.300}")));
    }
    let code = query
        .code
        .ok_or_else(|| refused("the answer of the provider has no code"))?;
    Ok(provider.visitor(&code, &challenge, now).await?)
}

/// Begins a login on the command line, by the device flow of the identity provider (RFC 8628). No
/// token is needed.
#[utoipa::path(post, path = "/v1/login/device", operation_id = "begin_device_login", tag = "people",
    security(()),
    responses((status = 200, description = "The code that the person types", body = DeviceLogin),
        (status = 404, description = "Nobody can log in by an identity provider",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn begin_device(arriving: Arriving) -> Result<Unkept<DeviceLogin>, Refused> {
    let code = arriving.provider()?.begin_device().await?;
    let ends = crate::clock::now() + code.lasts;
    Ok(unkept(DeviceLogin {
        code: arriving.key()?.seal_code(&code.device_code, ends),
        user_code: code.user_code,
        verification_uri: code.verification_uri,
        verification_uri_complete: code.verification_uri_complete,
        ends,
        interval: interval(code.interval),
    }))
}

fn interval(interval: Duration) -> u64 {
    interval.as_secs().clamp(1, MAX_INTERVAL)
}

/// Asks whether the person has agreed; if so, the answer has a token, which lasts for eight hours. No
/// token is needed.
#[utoipa::path(post, path = "/v1/login/device/token", operation_id = "ask_device_login", tag = "people",
    security(()), request_body = DeviceQuestion,
    responses((status = 200, description = "The token, or that it is not agreed to yet", body = DeviceAnswer),
        (status = 404, description = "Nobody can log in by an identity provider",
            body = utakata_api::Problem, content_type = "application/problem+json"),
        (status = 409, description = "The name is somebody else's here",
            body = utakata_api::Problem, content_type = "application/problem+json"),
        (status = 410, description = "It has taken too long",
            body = utakata_api::Problem, content_type = "application/problem+json"),
        (status = 422, description = "The name is none here",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn ask_device(
    arriving: Arriving,
    body::Json(question): body::Json<DeviceQuestion>,
) -> Result<Unkept<DeviceAnswer>, Refused> {
    let polled = match polled(&arriving, &question, crate::clock::now()).await {
        Ok(polled) => polled,
        Err(refused) => return Err(arriving.failed(refused).await),
    };
    let answer = match polled {
        Polled::Pending { slow_down } => DeviceAnswer {
            slow_down,
            login: None,
        },
        Polled::Done(visitor) => {
            let login = arriving.admit(visitor, Via::CommandLine).await?;
            DeviceAnswer {
                slow_down: false,
                login: Some(NewLogin {
                    name: login.name,
                    token: login.token,
                    ends: login.ends,
                    groups: login.groups,
                }),
            }
        }
    };
    Ok(unkept(answer))
}

async fn polled(
    arriving: &Arriving,
    question: &DeviceQuestion,
    now: Timestamp,
) -> Result<Polled, Refused> {
    let provider = arriving.provider()?;
    let opened = arriving.key()?.open_code(&question.code);
    let (code, ends) = opened.ok_or_else(|| refused("this code is none of this site"))?;
    if ends <= now {
        return Err(expired());
    }
    Ok(provider.poll_device(&code, now).await?)
}

fn refused(detail: impl Into<String>) -> Refused {
    let cure = "log in again; if it persists, show this to whoever takes care of the provider";
    Refused::new(Code::LoginRefused, detail, cure)
}

fn expired() -> Refused {
    let detail = "this login is too old, or was not begun by this browser";
    Refused::new(Code::LoginExpired, detail, "log in again")
}

/// Sends a browser elsewhere, without a word of where it was.
fn to<const N: usize>(url: &str, cookies: [(HeaderName, String); N]) -> Response {
    let headers = [
        (header::LOCATION, url),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (StatusCode::SEE_OTHER, headers, AppendHeaders(cookies)).into_response()
}
