//! The codes of problems, and a page for each in `docs/errors`.
//!
//! A refusal of the API has a [`Code`]. Other codes occur only in outcomes and in the statuses of
//! environments: those are texts, since a worker may have codes of its own.

use std::{fmt, sync::LazyLock};

use axum::http::StatusCode;
use serde::Serialize;
use utakata_model::Cure;

macro_rules! codes {
    ($($name:ident $code:literal $status:ident $cure:ident,)*) => {
        /// The code of a refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $code, "`")] $name,)*
        }

        impl Code {
            /// All codes, ordered by their texts.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the code as text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Returns the HTTP status of the code.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// Returns the party that can cure it.
            pub const fn cure(self) -> Cure {
                match self { $(Self::$name => Cure::$cure,)* }
            }

            const fn text(self) -> &'static str {
                match self { $(Self::$name => text_of!($code),)* }
            }
        }
    };
}

macro_rules! text_of {
    ($code:literal) => {
        include_str!(concat!("../../docs/errors/", $code, ".md"))
    };
}

macro_rules! pages {
    ($($code:literal,)*) => {
        &[$(CodePage { code: $code, status: None, text: text_of!($code) },)*]
    };
}

codes! {
    AlarmShelf "alarm-shelf" UNPROCESSABLE_ENTITY Operator,
    AlarmState "alarm-state" CONFLICT Operator,
    AnswerLost "answer-lost" BAD_GATEWAY Operator,
    ApproveGiven "approve-given" CONFLICT Operator,
    ApproveOwn "approve-own" CONFLICT Operator,
    BodyInvalid "body-invalid" UNPROCESSABLE_ENTITY Operator,
    BodyTooLarge "body-too-large" PAYLOAD_TOO_LARGE Operator,
    CannotBeDone "cannot-be-done" UNPROCESSABLE_ENTITY Operator,
    CredentialInUse "credential-in-use" CONFLICT Operator,
    CredentialRotation "credential-rotation" CONFLICT Operator,
    CrossOrigin "cross-origin" FORBIDDEN Operator,
    DiscoveryInvalid "discovery-invalid" UNPROCESSABLE_ENTITY Operator,
    DiscoveryRuns "discovery-runs" CONFLICT Operator,
    DiskError "disk-error" SERVICE_UNAVAILABLE Operator,
    DiskFull "disk-full" INSUFFICIENT_STORAGE Operator,
    DocumentsInvalid "documents-invalid" UNPROCESSABLE_ENTITY Operator,
    Ending "ending" SERVICE_UNAVAILABLE Retry,
    EnvironmentKey "environment-key" CONFLICT Operator,
    EnvironmentThere "environment-there" CONFLICT Operator,
    EveryFeed "every-feed" CONFLICT Operator,
    Forbidden "forbidden" FORBIDDEN Operator,
    HistoryTooLarge "history-too-large" UNPROCESSABLE_ENTITY Operator,
    HistoryUnreadable "history-unreadable" SERVICE_UNAVAILABLE Operator,
    InterconnectAway "interconnect-away" SERVICE_UNAVAILABLE Operator,
    Internal "internal" INTERNAL_SERVER_ERROR Bug,
    JsonInvalid "json-invalid" BAD_REQUEST Operator,
    KeyTaken "key-taken" CONFLICT Operator,
    LeaseLost "lease-lost" SERVICE_UNAVAILABLE Retry,
    LedgerElsewhere "ledger-elsewhere" SERVICE_UNAVAILABLE Retry,
    LedgerWaits "ledger-waits" SERVICE_UNAVAILABLE Retry,
    LockInvalid "lock-invalid" UNPROCESSABLE_ENTITY Operator,
    LoginAway "login-away" SERVICE_UNAVAILABLE Retry,
    LoginExpired "login-expired" GONE Operator,
    LoginName "login-name" UNPROCESSABLE_ENTITY Operator,
    LoginOff "login-off" NOT_FOUND Operator,
    LoginRefused "login-refused" FORBIDDEN Operator,
    LoginTaken "login-taken" CONFLICT Operator,
    LoginUnfit "login-unfit" BAD_GATEWAY Operator,
    ManyTargets "many-targets" UNPROCESSABLE_ENTITY Operator,
    MediaType "media-type" UNSUPPORTED_MEDIA_TYPE Operator,
    MethodNotAllowed "method-not-allowed" METHOD_NOT_ALLOWED Operator,
    NameInvalid "name-invalid" BAD_REQUEST Operator,
    NoSuchPath "no-such-path" NOT_FOUND Operator,
    NotFound "not-found" NOT_FOUND Operator,
    NothingToUndo "nothing-to-undo" UNPROCESSABLE_ENTITY Operator,
    OperationOver "operation-over" CONFLICT Operator,
    OperationState "operation-state" CONFLICT Operator,
    OrderElsewhere "order-elsewhere" CONFLICT Operator,
    OtherTargets "other-targets" UNPROCESSABLE_ENTITY Operator,
    OwnRights "own-rights" CONFLICT Operator,
    PersonAdmin "person-admin" CONFLICT Operator,
    PlanChanged "plan-changed" CONFLICT Operator,
    PolicyState "policy-state" CONFLICT Operator,
    PolicyToken "policy-token" CONFLICT Operator,
    PolicyUntested "policy-untested" CONFLICT Operator,
    ProposalClosed "proposal-closed" CONFLICT Operator,
    QueryInvalid "query-invalid" BAD_REQUEST Operator,
    ReleaseAmbiguous "release-ambiguous" CONFLICT Operator,
    ReleaseFileWrong "release-file-wrong" UNPROCESSABLE_ENTITY Operator,
    ReleaseFilesMissing "release-files-missing" CONFLICT Operator,
    ReleaseInvalid "release-invalid" UNPROCESSABLE_ENTITY Operator,
    ReleaseServes "release-serves" CONFLICT Operator,
    ReleaseVersionTaken "release-version-taken" CONFLICT Operator,
    ReleaseWanted "release-wanted" CONFLICT Operator,
    RolloutBreaks "rollout-breaks" CONFLICT Operator,
    RolloutOpen "rollout-open" CONFLICT Operator,
    RolloutState "rollout-state" CONFLICT Operator,
    SecretKey "secret-key" SERVICE_UNAVAILABLE Operator,
    SecretKeyNotNew "secret-key-not-new" CONFLICT Operator,
    SecretNotWrapped "secret-not-wrapped" CONFLICT Operator,
    SelectorEmpty "selector-empty" UNPROCESSABLE_ENTITY Operator,
    SelectsNothing "selects-nothing" UNPROCESSABLE_ENTITY Operator,
    StoreAway "store-away" SERVICE_UNAVAILABLE Retry,
    StoreDamaged "store-damaged" INTERNAL_SERVER_ERROR Operator,
    StoreFailed "store-failed" SERVICE_UNAVAILABLE Retry,
    StoreInDoubt "store-in-doubt" SERVICE_UNAVAILABLE Retry,
    StoreLost "store-lost" SERVICE_UNAVAILABLE Operator,
    StoreNewer "store-newer" INTERNAL_SERVER_ERROR Operator,
    StoreOtherWriter "store-other-writer" SERVICE_UNAVAILABLE Operator,
    StoreRefused "store-refused" SERVICE_UNAVAILABLE Operator,
    StoreReplaced "store-replaced" SERVICE_UNAVAILABLE Operator,
    StoreUnwritable "store-unwritable" INTERNAL_SERVER_ERROR Operator,
    TaskEnded "task-ended" CONFLICT Operator,
    TaskKnown "task-known" CONFLICT Operator,
    TaskMayAct "task-may-act" CONFLICT Operator,
    TimedOut "timed-out" GATEWAY_TIMEOUT Retry,
    TokensDiffer "tokens-differ" BAD_GATEWAY Operator,
    TooBusy "too-busy" SERVICE_UNAVAILABLE Retry,
    Unauthorized "unauthorized" UNAUTHORIZED Operator,
    VaultFailed "vault-failed" SERVICE_UNAVAILABLE Operator,
    WaitTooLong "wait-too-long" UNPROCESSABLE_ENTITY Operator,
}

/// The pages of codes that occur only in outcomes and in the statuses of environments.
const OTHERS: &[CodePage] = pages![
    "alarm-channel",
    "another-certificate",
    "answer-too-large",
    "away",
    "bad-address",
    "bad-credential",
    "bad-parameters",
    "bad-reading",
    "bad-target",
    "breaker-open",
    "cancelled",
    "cannot-ping",
    "capacity",
    "credential-withheld",
    "deadline",
    "device-garbage",
    "device-refused",
    "docker-away",
    "docker-refused",
    "drain-limit",
    "draining",
    "envelope",
    "environment-other-site",
    "environment-short",
    "environment-twice",
    "environment-waiting",
    "expired",
    "go-late",
    "history-away",
    "history-damaged",
    "history-disk-full",
    "history-too-fast",
    "history-unwritable",
    "image-missing",
    "image-unfit",
    "incomplete",
    "kind-not-served",
    "kubernetes-address",
    "kubernetes-away",
    "kubernetes-busy",
    "kubernetes-config",
    "kubernetes-forbidden",
    "kubernetes-namespace",
    "kubernetes-no-node",
    "kubernetes-quota",
    "kubernetes-refused",
    "malformed",
    "manifest",
    "no-answer",
    "no-release",
    "no-such-action",
    "not-an-observe-action",
    "not-done",
    "not-read",
    "not-understood",
    "otlp-away",
    "over-capacity",
    "permit-late",
    "profile-refused",
    "profile-unserved",
    "protocol",
    "queue-full",
    "release-changing",
    "release-content",
    "release-contradicts",
    "release-disk-full",
    "release-fetching",
    "release-image",
    "release-large",
    "release-manifest",
    "release-missing",
    "release-no-place",
    "release-not-allowed",
    "release-preparing",
    "release-program",
    "release-signature",
    "release-twice",
    "release-unknown",
    "release-unreadable",
    "release-unsigned",
    "release-unwritable",
    "rollout-dies",
    "rollout-differs",
    "rollout-fails",
    "rollout-gone",
    "rollout-leaks",
    "rollout-lies",
    "rollout-no-release",
    "rollout-no-start",
    "rollout-ordered-back",
    "rollout-slow",
    "rollout-stopped",
    "schedule-impossible",
    "settled",
    "superseded",
    "target-changed",
    "token",
    "token-clock",
    "unreachable",
    "unsettled",
    "unverified",
    "worker-crashed",
    "worker-evicted",
    "worker-flood",
    "worker-hung",
    "worker-limit",
    "worker-lost",
    "worker-malformed",
    "worker-no-hello",
    "worker-not-started",
    "worker-panic",
    "wrong-class",
    "wrong-kind",
    "zone-not-its-own",
];

static PAGES: LazyLock<Vec<CodePage>> = LazyLock::new(|| {
    let refusals = Code::ALL.iter().map(|code| code.page());
    let mut pages: Vec<CodePage> = refusals.chain(OTHERS.iter().copied()).collect();
    pages.sort_unstable_by_key(|page| page.code);
    pages
});

/// A page of `docs/errors`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CodePage {
    /// The code of the page.
    pub code: &'static str,
    /// The HTTP status; absent if the code occurs only in outcomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The meaning of the code and its cure, as Markdown.
    pub text: &'static str,
}

impl Code {
    /// Returns the meaning in a line: the heading of its page.
    pub fn title(self) -> &'static str {
        self.page().title()
    }

    fn page(self) -> CodePage {
        CodePage {
            code: self.as_str(),
            status: Some(self.status().as_u16()),
            text: self.text(),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl CodePage {
    /// Returns the first heading of the page.
    pub fn title(&self) -> &'static str {
        let (first, _) = self.text.split_once('\n').unwrap_or((self.text, ""));
        first.trim_start_matches(['#', ' '])
    }
}

/// Returns all pages, by code.
pub fn pages() -> &'static [CodePage] {
    &PAGES
}

/// Returns the page of a code.
pub fn page(code: &str) -> Option<&'static CodePage> {
    PAGES.iter().find(|page| page.code == code)
}
