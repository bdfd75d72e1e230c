//! Verbs: acts of people on existing things, `POST` to the path of the thing and the verb.

/// Defines a handler for each verb, and `verbs()` with their routes.
///
/// All verbs of a noun take the same part of the path (`()`: none) and the same body, and are
/// carried out by one function: `async fn(&Allowed<impl Right>, subject, verb, PersonName, body) ->
/// Result<View, Refused>`. Each says which right it needs.
macro_rules! verbs {
    (
        tag = $tag:literal, done by $change:ident($Subject:ty, $Body:ty) -> $View:ty,
        params $params:tt, answer = $answer:literal;
        $(
            $(#[doc = $doc:literal])*
            $name:ident($verb:expr) needs $Right:ident: $path:literal, $id:literal
            $(, $status:literal $refusal:literal)*;
        )*
    ) => {
        $(
            $(#[doc = $doc])*
            #[utoipa::path(post, path = $path, operation_id = $id, tag = $tag,
                params $params, request_body = $Body,
                responses((status = 200, description = $answer, body = $View),
                    $((status = $status, description = $refusal, body = utakata_api::Problem,
                        content_type = "application/problem+json")),*))]
            async fn $name(
                allowed: $crate::http::allowed::Allowed<$crate::http::allowed::$Right>,
                subject: $Subject,
                $crate::http::caller::Person(by): $crate::http::caller::Person,
                $crate::http::body::Json(body): $crate::http::body::Json<$Body>,
            ) -> Result<axum::Json<$View>, $crate::http::Refused> {
                $change(&allowed, subject, $verb, by, body).await.map(axum::Json)
            }
        )*

        pub(super) fn verbs() -> Vec<$crate::http::route::Route> {
            use $crate::http::route::{
                Answered::ByKeeper, BodySize::OneThing, Route, TimeLimit::Patient,
            };
            vec![$(Route::new(ByKeeper, OneThing, Patient, utoipa_axum::routes!($name))),*]
        }
    };
}

pub(super) use verbs;
