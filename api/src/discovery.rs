//! Discovery: what answers at addresses, and proposals of targets made of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{CredentialName, Identifier, Kind, Labels, OperationId, TargetName, Zone};
use utoipa::ToSchema;

/// A request to ask addresses what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Discover {
    /// The addresses: IPv4 networks (`10.0.3.0/24`), ranges (`10.0.3.10-10.0.3.40`, `10.0.3.10-40`)
    /// and single addresses, separated by commas; of IPv6 single addresses and networks from /120
    /// on. At most 4096 in all.
    #[schema(min_length = 1, max_length = 65536, example = "10.0.3.0/24,10.0.4.7")]
    pub addresses: String,
    /// The kinds to ask for. Empty: all kinds of the zone that can be discovered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Kind>,
    /// The zone whose environments ask.
    #[serde(default)]
    pub zone: Zone,
    /// The credential to log in with where something answers. Absent: nobody logs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialName>,
    /// The port to ask, if it is not the usual one of the kind; only with one kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub port: Option<u16>,
    /// The number of addresses begun with in a second, for each kind: 1 to 10. Absent: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10)]
    pub per_second: Option<u32>,
}

/// A discovery: addresses that are, or were, asked what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiscoveryView {
    /// The identifier of the discovery.
    pub id: OperationId,
    /// The state of the discovery.
    pub state: DiscoveryState,
    /// The request.
    pub request: Discover,
    /// The number of addresses.
    pub addresses: u64,
    /// The progress of each kind.
    pub kinds: Vec<KindProgress>,
    /// The person who asked for it.
    pub by: String,
    /// The time at which it began.
    #[schema(value_type = String, format = "date-time")]
    pub begun: Timestamp,
    /// The time at which it ended; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub ended: Option<Timestamp>,
}

/// The state of a discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiscoveryState {
    /// Addresses are being asked.
    Running,
    /// All addresses were asked, or those of a kind could not be.
    Done,
    /// Somebody has cancelled it.
    Cancelled,
}

/// The progress of a discovery for one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KindProgress {
    /// The kind.
    pub kind: Kind,
    /// The number of addresses that were asked.
    pub asked: u64,
    /// The number of things that answered.
    pub found: u64,
    /// The reason why the rest was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Something that was found, as it would become a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProposalView {
    /// The identifier of the proposal.
    pub id: String,
    /// The relation to the targets that exist.
    pub state: ProposalState,
    /// The name that a target for it would have, or that of the existing target.
    pub name: TargetName,
    /// The zone in which it was found.
    pub zone: Zone,
    /// The texts by which it is known again, the best first. None: only its address is known.
    pub identifiers: Vec<Identifier>,
    /// Its maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The ways in, the one that is proposed first. Several if it speaks several protocols.
    pub ways: Vec<WayView>,
    /// The existing target: of a thing that is known, that moved, or that was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetName>,
    /// The address that the target has, if the thing has moved; the identifier that it had, if it
    /// was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// Other things of the same kind with the same identifier, which therefore proves nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alike: Vec<String>,
    /// The person who has dismissed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dismissed_by: Option<String>,
    /// The time at which it was first found.
    #[schema(value_type = String, format = "date-time")]
    pub first: Timestamp,
    /// The time at which it was last found.
    #[schema(value_type = String, format = "date-time")]
    pub last: Timestamp,
}

/// A way in: a kind and an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WayView {
    /// The kind that a target would have. For a device that a more exact kind is for, it is that.
    pub kind: Kind,
    /// The kind by which it was found.
    pub found_as: Kind,
    /// The address, in the form that the kind requires.
    pub address: String,
    /// The profiles with which it would be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// A description of it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The credential with which it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialName>,
    /// `true` if it says more, or can be read at all, only with a credential.
    pub wants_credential: bool,
    /// The reason why it says less than it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The existing target with this address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetName>,
}

/// The relation of a thing that was found to the targets that exist.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ProposalState {
    /// It is no target: accepting makes one.
    New,
    /// It was found at an address that its target does not have: accepting changes the address.
    Moved,
    /// Another thing than before answers at the address of a target: accepting keeps the target.
    Replaced,
    /// It is a target, by one way at least.
    Known,
    /// Somebody has dismissed it.
    Dismissed,
}

impl ProposalState {
    /// All states, in the order in which they want attention.
    pub const ALL: [Self; 5] = [
        Self::New,
        Self::Moved,
        Self::Replaced,
        Self::Known,
        Self::Dismissed,
    ];

    /// Returns the state as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Moved => "moved",
            Self::Replaced => "replaced",
            Self::Known => "known",
            Self::Dismissed => "dismissed",
        }
    }

    /// Returns true if somebody is to decide about it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::New | Self::Moved | Self::Replaced)
    }
}

/// The form in which a proposal is accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// The name of the target. Absent: the proposed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<TargetName>,
    /// The kind of one of its ways in. Absent: that of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The labels of the target.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The credential of the target. Absent: the one with which it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialName>,
}

/// The form in which a proposal is dismissed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dismiss {}
