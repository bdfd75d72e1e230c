//! The resources of a BMC as JSON (DSP0266, DSP0268). Pure: they are a function of what is measured and
//! set.
//!
//! The tree is of no make. What is measured is in `Thermal` and `Power`, or in the resources that
//! replace them, as the model says.

mod classic;
mod modern;
pub(super) mod sensors;

use serde_json::{Value, json};

use super::account::Account;
use super::machine::Surroundings;
use super::power::Reset;
use crate::blueprint::BmcModel;

/// The path of the root.
pub const ROOT: &str = "/redfish/v1";

/// Devices from which a machine can start.
pub const BOOT_TARGETS: [&str; 6] = ["None", "Pxe", "Hdd", "Cd", "BiosSetup", "UefiHttp"];

/// The settings of a machine that its users change.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub indicator: bool,
    pub boot_target: String,
    pub boot_enabled: String,
    /// The number of changes so far.
    pub version: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            indicator: false,
            boot_target: "None".to_owned(),
            boot_enabled: "Disabled".to_owned(),
            version: 1,
        }
    }
}

impl Settings {
    /// The tag of the resources that can be changed.
    pub fn tag(&self) -> String {
        format!("W/\"{}\"", self.version)
    }
}

/// A BMC at one moment.
#[derive(Debug)]
pub struct View<'a> {
    pub name: &'a str,
    pub model: BmcModel,
    /// The state of the machine's power.
    pub power: &'static str,
    pub measured: &'a Surroundings,
    pub settings: &'a Settings,
    pub account: &'a Account,
    /// True if the first power supply has failed.
    pub has_failed_supply: bool,
    /// True if the first fan has failed.
    pub has_failed_fan: bool,
}

/// Returns the resource at the segments of a path below the root, if there is one.
pub fn document(view: &View<'_>, path: &[&str]) -> Option<Value> {
    Some(match path {
        [] => root(view),
        ["Systems"] => collection("/Systems", "ComputerSystemCollection", ["1"]),
        ["Systems", "1"] => system(view),
        ["Chassis"] => collection("/Chassis", "ChassisCollection", ["1"]),
        ["Chassis", "1"] => chassis(view),
        ["Chassis", "1", rest @ ..] => match view.model {
            BmcModel::Classic => classic::document(view, rest)?,
            BmcModel::Modern => modern::document(view, rest)?,
        },
        ["Managers"] => collection("/Managers", "ManagerCollection", ["1"]),
        ["Managers", "1"] => manager(view),
        ["AccountService"] => account_service(view),
        ["AccountService", "Accounts"] => collection(
            "/AccountService/Accounts",
            "ManagerAccountCollection",
            ["1", "2"],
        ),
        ["AccountService", "Accounts", "1"] => account("1", "", view),
        ["AccountService", "Accounts", "2"] => account("2", super::account::USER, view),
        ["SessionService"] => session_service(view),
        ["SessionService", "Sessions"] => {
            let sessions = view.account.sessions().iter();
            let ids: Vec<String> = sessions.map(|one| one.id.to_string()).collect();
            let ids = ids.iter().map(String::as_str);
            collection("/SessionService/Sessions", "SessionCollection", ids)
        }
        ["SessionService", "Sessions", id] => {
            let mut sessions = view.account.sessions().iter();
            let found = sessions.find(|session| session.id.to_string() == *id)?;
            session(found.id)
        }
        _ => return None,
    })
}

/// Returns a collection with its members in place of links to them, where the model can do that.
pub fn expanded(view: &View<'_>, path: &[&str]) -> Option<Value> {
    let mut document = document(view, path)?;
    if view.model == BmcModel::Modern {
        let members = document.get_mut("Members").and_then(Value::as_array_mut);
        for member in members.into_iter().flatten() {
            let link = member["@odata.id"].as_str().unwrap_or_default();
            let link = link.strip_prefix(ROOT).unwrap_or_default().to_owned();
            let path: Vec<&str> = link.split('/').filter(|part| !part.is_empty()).collect();
            if let Some(whole) = self::document(view, &path) {
                *member = whole;
            }
        }
    }
    Some(document)
}

/// Returns true if a resource is one of measurements.
pub fn is_measured(path: &[&str]) -> bool {
    const MEASURED: [&str; 5] = [
        "Thermal",
        "Power",
        "Sensors",
        "PowerSubsystem",
        "ThermalSubsystem",
    ];
    matches!(path, ["Chassis", "1", part, ..] if MEASURED.contains(part))
}

fn link(path: &str) -> Value {
    json!({ "@odata.id": format!("{ROOT}{path}") })
}

/// The keys that every resource has.
fn resource(path: &str, of: &str, id: &str, name: &str) -> Value {
    json!({
        "@odata.id": format!("{ROOT}{path}"),
        "@odata.type": format!("#{of}.{of}"),
        "Id": id,
        "Name": name,
    })
}

/// Adds keys to a resource.
fn with(mut resource: Value, keys: Value) -> Value {
    if let (Value::Object(resource), Value::Object(keys)) = (&mut resource, keys) {
        resource.extend(keys);
    }
    resource
}

fn collection<'a>(path: &str, of: &str, ids: impl IntoIterator<Item = &'a str>) -> Value {
    let members: Vec<Value> = ids
        .into_iter()
        .map(|id| link(&format!("{path}/{id}")))
        .collect();
    json!({
        "@odata.id": format!("{ROOT}{path}"),
        "@odata.type": format!("#{of}.{of}"),
        "Name": of,
        "Members@odata.count": members.len(),
        "Members": members,
    })
}

fn status(health: &str) -> Value {
    json!({ "State": "Enabled", "Health": health })
}

fn root(view: &View<'_>) -> Value {
    let mut keys = json!({
        "RedfishVersion": "1.15.0",
        "Vendor": "Utakata",
        "Product": "Simulated server",
        "UUID": uuid(view.name),
        "Systems": link("/Systems"),
        "Chassis": link("/Chassis"),
        "Managers": link("/Managers"),
        "SessionService": link("/SessionService"),
        "AccountService": link("/AccountService"),
        "Links": { "Sessions": link("/SessionService/Sessions") },
    });
    if view.model == BmcModel::Modern {
        keys["ProtocolFeaturesSupported"] = json!({
            "ExpandQuery": { "ExpandAll": false, "Levels": true, "Links": true, "MaxLevels": 1, "NoLinks": true },
        });
    }
    with(
        resource("/", "ServiceRoot", "RootService", "Root service"),
        keys,
    )
}

/// An identifier that follows from a name.
pub(super) fn uuid(name: &str) -> String {
    let high = crate::chance::draw(0, name, 1);
    let low = crate::chance::draw(0, name, 2);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0xfff,
        low & 0xffff_ffff_ffff,
    )
}

fn system(view: &View<'_>) -> Value {
    let settings = view.settings;
    let resets: Vec<&str> = Reset::ALL.iter().map(|(_, name)| *name).collect();
    with(
        resource("/Systems/1", "ComputerSystem", "1", "System"),
        json!({
            "@odata.etag": settings.tag(),
            "Manufacturer": "Utakata",
            "Model": "Simulated server 2U",
            "SerialNumber": view.name.to_uppercase(),
            "UUID": uuid(view.name),
            "BiosVersion": "1.4.2",
            "HostName": view.name,
            "PowerState": view.power,
            "Status": status(sensors::health(view)),
            "IndicatorLED": if settings.indicator { "Lit" } else { "Off" },
            "LocationIndicatorActive": settings.indicator,
            "ProcessorSummary": { "Count": 2, "Model": "Simulated processor", "Status": status("OK") },
            "MemorySummary": { "TotalSystemMemoryGiB": 512, "Status": status("OK") },
            "Boot": {
                "BootSourceOverrideEnabled": settings.boot_enabled,
                "BootSourceOverrideTarget": settings.boot_target,
                "BootSourceOverrideTarget@Redfish.AllowableValues": BOOT_TARGETS,
            },
            "Links": { "Chassis": [link("/Chassis/1")], "ManagedBy": [link("/Managers/1")] },
            "Actions": { "#ComputerSystem.Reset": {
                "target": format!("{ROOT}/Systems/1/Actions/ComputerSystem.Reset"),
                "ResetType@Redfish.AllowableValues": resets,
            } },
        }),
    )
}

fn chassis(view: &View<'_>) -> Value {
    let mut keys = json!({
        "ChassisType": "RackMount",
        "Manufacturer": "Utakata",
        "Model": "Simulated server 2U",
        "SerialNumber": view.name.to_uppercase(),
        "PowerState": view.power,
        "Status": status(sensors::health(view)),
        "PhysicalSecurity": { "IntrusionSensor": "Normal" },
        "Links": { "ComputerSystems": [link("/Systems/1")], "ManagedBy": [link("/Managers/1")] },
    });
    let parts: &[&str] = match view.model {
        BmcModel::Classic => &["Thermal", "Power"],
        BmcModel::Modern => &[
            "Sensors",
            "ThermalSubsystem",
            "PowerSubsystem",
            "EnvironmentMetrics",
        ],
    };
    for part in parts {
        keys[part] = link(&format!("/Chassis/1/{part}"));
    }
    with(resource("/Chassis/1", "Chassis", "1", "Chassis"), keys)
}

fn manager(view: &View<'_>) -> Value {
    with(
        resource("/Managers/1", "Manager", "1", "BMC"),
        json!({
            "ManagerType": "BMC",
            "FirmwareVersion": "2.31",
            "Model": "Simulated BMC",
            "UUID": uuid(view.name),
            "Status": status("OK"),
            "Links": { "ManagerForServers": [link("/Systems/1")], "ManagerForChassis": [link("/Chassis/1")] },
        }),
    )
}

fn account_service(view: &View<'_>) -> Value {
    let lengths = super::account::PASSWORD_LENGTHS;
    with(
        resource(
            "/AccountService",
            "AccountService",
            "AccountService",
            "Accounts",
        ),
        json!({
            "ServiceEnabled": true,
            "MinPasswordLength": lengths.start(),
            "MaxPasswordLength": lengths.end(),
            "AccountLockoutThreshold": view.account.limits().wrong,
            "AccountLockoutDuration": view.account.limits().lockout.as_secs(),
            "Accounts": link("/AccountService/Accounts"),
        }),
    )
}

/// The place of an account, of which many have no user.
fn account(id: &str, user: &str, view: &View<'_>) -> Value {
    with(
        resource(
            &format!("/AccountService/Accounts/{id}"),
            "ManagerAccount",
            id,
            "Account",
        ),
        json!({
            "@odata.etag": view.settings.tag(),
            "UserName": user,
            "Password": null,
            "RoleId": "Administrator",
            "Enabled": !user.is_empty(),
            "Locked": false,
        }),
    )
}

fn session_service(view: &View<'_>) -> Value {
    with(
        resource(
            "/SessionService",
            "SessionService",
            "SessionService",
            "Sessions",
        ),
        json!({
            "ServiceEnabled": true,
            "SessionTimeout": view.account.limits().timeout.as_secs(),
            "Sessions": link("/SessionService/Sessions"),
        }),
    )
}

/// A session as its user sees it.
pub fn session(id: u64) -> Value {
    let number = id.to_string();
    let path = format!("/SessionService/Sessions/{number}");
    with(
        resource(&path, "Session", &number, "Session"),
        json!({ "UserName": super::account::USER }),
    )
}
