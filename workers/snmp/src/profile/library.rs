//! The profiles available to a release.

use utakata_profile::Source;

use super::{Content, Error, compile::compile, file::File};

/// All available profiles, by name.
pub type Library = utakata_profile::Library<Content>;

/// The profiles shipped with the program.
const SHIPPED: &[(&str, &str)] = &[
    ("system", include_str!("../../profiles/system.toml")),
    ("if-mib", include_str!("../../profiles/if-mib.toml")),
    (
        "entity-sensor",
        include_str!("../../profiles/entity-sensor.toml"),
    ),
    (
        "host-resources",
        include_str!("../../profiles/host-resources.toml"),
    ),
    ("ups-mib", include_str!("../../profiles/ups-mib.toml")),
    ("apc-pdu", include_str!("../../profiles/apc-pdu.toml")),
    (
        "raritan-pdu",
        include_str!("../../profiles/raritan-pdu.toml"),
    ),
    ("cisco-env", include_str!("../../profiles/cisco-env.toml")),
    ("ucd", include_str!("../../profiles/ucd.toml")),
    ("synology", include_str!("../../profiles/synology.toml")),
    ("lenovo-xcc", include_str!("../../profiles/lenovo-xcc.toml")),
    ("juniper", include_str!("../../profiles/juniper.toml")),
    (
        "brocade-fabos",
        include_str!("../../profiles/brocade-fabos.toml"),
    ),
    (
        "apc-cooling",
        include_str!("../../profiles/apc-cooling.toml"),
    ),
    ("apc-emu", include_str!("../../profiles/apc-emu.toml")),
    ("apc-ups", include_str!("../../profiles/apc-ups.toml")),
    ("aruba-cx", include_str!("../../profiles/aruba-cx.toml")),
    ("dell-idrac", include_str!("../../profiles/dell-idrac.toml")),
    (
        "dell-networking",
        include_str!("../../profiles/dell-networking.toml"),
    ),
    (
        "dell-storage-sc",
        include_str!("../../profiles/dell-storage-sc.toml"),
    ),
    ("eaton-mge", include_str!("../../profiles/eaton-mge.toml")),
    ("eaton-xups", include_str!("../../profiles/eaton-xups.toml")),
    ("fcmgmt", include_str!("../../profiles/fcmgmt.toml")),
    ("foundry", include_str!("../../profiles/foundry.toml")),
    ("dell-os10", include_str!("../../profiles/dell-os10.toml")),
    ("rittal-cmc", include_str!("../../profiles/rittal-cmc.toml")),
    ("gude-esb", include_str!("../../profiles/gude-esb.toml")),
    ("gude-epc", include_str!("../../profiles/gude-epc.toml")),
    ("hpe-ilo", include_str!("../../profiles/hpe-ilo.toml")),
    ("hpe-pdu", include_str!("../../profiles/hpe-pdu.toml")),
    ("huawei", include_str!("../../profiles/huawei.toml")),
    (
        "liebert-pdu",
        include_str!("../../profiles/liebert-pdu.toml"),
    ),
    ("lm-sensors", include_str!("../../profiles/lm-sensors.toml")),
    (
        "servertech-sentry3",
        include_str!("../../profiles/servertech-sentry3.toml"),
    ),
    (
        "servertech-sentry4",
        include_str!("../../profiles/servertech-sentry4.toml"),
    ),
    ("supermicro", include_str!("../../profiles/supermicro.toml")),
    ("tripplite", include_str!("../../profiles/tripplite.toml")),
    (
        "vertiv-geist",
        include_str!("../../profiles/vertiv-geist.toml"),
    ),
    ("asentria", include_str!("../../profiles/asentria.toml")),
    ("avtech", include_str!("../../profiles/avtech.toml")),
    ("avtech-26w", include_str!("../../profiles/avtech-26w.toml")),
    ("dell-cmc", include_str!("../../profiles/dell-cmc.toml")),
    (
        "dell-fastpath",
        include_str!("../../profiles/dell-fastpath.toml"),
    ),
    (
        "dell-force10",
        include_str!("../../profiles/dell-force10.toml"),
    ),
    ("dell-mm", include_str!("../../profiles/dell-mm.toml")),
    ("hpe-host", include_str!("../../profiles/hpe-host.toml")),
    ("lenovo-imm", include_str!("../../profiles/lenovo-imm.toml")),
    (
        "lsi-megaraid",
        include_str!("../../profiles/lsi-megaraid.toml"),
    ),
    ("netapp", include_str!("../../profiles/netapp.toml")),
    (
        "opengear-lighthouse",
        include_str!("../../profiles/opengear-lighthouse.toml"),
    ),
    ("qnap", include_str!("../../profiles/qnap.toml")),
    (
        "supermicro-health",
        include_str!("../../profiles/supermicro-health.toml"),
    ),
    ("akcp", include_str!("../../profiles/akcp.toml")),
    ("akcp-plus", include_str!("../../profiles/akcp-plus.toml")),
    (
        "akcp-security",
        include_str!("../../profiles/akcp-security.toml"),
    ),
    ("avtech-11e", include_str!("../../profiles/avtech-11e.toml")),
    ("avtech-12e", include_str!("../../profiles/avtech-12e.toml")),
    ("avtech-24e", include_str!("../../profiles/avtech-24e.toml")),
    ("avtech-3e", include_str!("../../profiles/avtech-3e.toml")),
    ("avtech-4e", include_str!("../../profiles/avtech-4e.toml")),
    ("avtech-7e", include_str!("../../profiles/avtech-7e.toml")),
    (
        "avtech-tempager",
        include_str!("../../profiles/avtech-tempager.toml"),
    ),
    (
        "avtech-tempager-3e",
        include_str!("../../profiles/avtech-tempager-3e.toml"),
    ),
    (
        "hwg-perseus",
        include_str!("../../profiles/hwg-perseus.toml"),
    ),
    (
        "liebert-env",
        include_str!("../../profiles/liebert-env.toml"),
    ),
    (
        "rittal-cmc-tc",
        include_str!("../../profiles/rittal-cmc-tc.toml"),
    ),
    (
        "rittal-lcp-dx",
        include_str!("../../profiles/rittal-lcp-dx.toml"),
    ),
    (
        "stulz-wib8000",
        include_str!("../../profiles/stulz-wib8000.toml"),
    ),
    ("cisco-sb", include_str!("../../profiles/cisco-sb.toml")),
    (
        "cyberpower-ats",
        include_str!("../../profiles/cyberpower-ats.toml"),
    ),
    (
        "cyberpower-battery",
        include_str!("../../profiles/cyberpower-battery.toml"),
    ),
    (
        "cyberpower-env",
        include_str!("../../profiles/cyberpower-env.toml"),
    ),
    (
        "cyberpower-pdu",
        include_str!("../../profiles/cyberpower-pdu.toml"),
    ),
    (
        "cyberpower-ups",
        include_str!("../../profiles/cyberpower-ups.toml"),
    ),
    ("dell-ups", include_str!("../../profiles/dell-ups.toml")),
    ("eltek-sp2", include_str!("../../profiles/eltek-sp2.toml")),
    (
        "eltek-valere",
        include_str!("../../profiles/eltek-valere.toml"),
    ),
    (
        "fujitsu-irmc",
        include_str!("../../profiles/fujitsu-irmc.toml"),
    ),
    (
        "hpe-procurve",
        include_str!("../../profiles/hpe-procurve.toml"),
    ),
    (
        "huawei-ibmc",
        include_str!("../../profiles/huawei-ibmc.toml"),
    ),
    ("hwg", include_str!("../../profiles/hwg.toml")),
    ("opengear", include_str!("../../profiles/opengear.toml")),
    ("truenas", include_str!("../../profiles/truenas.toml")),
    ("apc-cpdu", include_str!("../../profiles/apc-cpdu.toml")),
    ("dell-pdu", include_str!("../../profiles/dell-pdu.toml")),
    ("delta-ups", include_str!("../../profiles/delta-ups.toml")),
    ("eaton-ats", include_str!("../../profiles/eaton-ats.toml")),
    ("eaton-epdu", include_str!("../../profiles/eaton-epdu.toml")),
    (
        "eaton-sensor",
        include_str!("../../profiles/eaton-sensor.toml"),
    ),
    (
        "enlogic-pdu",
        include_str!("../../profiles/enlogic-pdu.toml"),
    ),
    ("geist-v3", include_str!("../../profiles/geist-v3.toml")),
    ("geist-v4", include_str!("../../profiles/geist-v4.toml")),
    ("liebert-gp", include_str!("../../profiles/liebert-gp.toml")),
    (
        "liebert-ups",
        include_str!("../../profiles/liebert-ups.toml"),
    ),
    (
        "raritan-px1",
        include_str!("../../profiles/raritan-px1.toml"),
    ),
    (
        "socomec-pdu",
        include_str!("../../profiles/socomec-pdu.toml"),
    ),
    (
        "socomec-ups",
        include_str!("../../profiles/socomec-ups.toml"),
    ),
    (
        "tripplite-pdu",
        include_str!("../../profiles/tripplite-pdu.toml"),
    ),
    ("vertiv-ita", include_str!("../../profiles/vertiv-ita.toml")),
    (
        "eltek-distributed",
        include_str!("../../profiles/eltek-distributed.toml"),
    ),
    ("hpe-ups", include_str!("../../profiles/hpe-ups.toml")),
    ("apc-ats", include_str!("../../profiles/apc-ats.toml")),
    ("apc-xpdu", include_str!("../../profiles/apc-xpdu.toml")),
    (
        "apc-ups-modules",
        include_str!("../../profiles/apc-ups-modules.toml"),
    ),
    ("apc-epdu", include_str!("../../profiles/apc-epdu.toml")),
];

impl utakata_profile::Content for Content {
    type Keys = File;

    const SHIPPED: &'static [(&'static str, &'static str)] = SHIPPED;

    fn compile(keys: &File, source: &Source<'_>) -> Result<Self, Error> {
        compile(keys, source)
    }

    fn is_recognisable(&self) -> bool {
        self.recognise.is_some()
    }

    fn controls(&self) -> Vec<(&str, Vec<&str>)> {
        let all = self.controls.iter();
        all.map(|(name, control)| (name.as_str(), control.parameters().collect()))
            .collect()
    }
}
