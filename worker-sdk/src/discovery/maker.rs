//! The makers of devices that name themselves by an enterprise number (IANA, Private Enterprise
//! Numbers).

/// Enterprise numbers of makers of equipment of data centres.
const MAKERS: &[(u32, &str)] = &[
    (2, "IBM"),
    (9, "Cisco"),
    (11, "HPE"),
    (42, "Oracle"),
    (232, "HPE"),
    (318, "APC"),
    (343, "Intel"),
    (476, "Vertiv"),
    (534, "Eaton"),
    (674, "Dell"),
    (1718, "Server Tech"),
    (2011, "Huawei"),
    (2636, "Juniper"),
    (5703, "NVIDIA"),
    (5771, "Cisco"),
    (6527, "Nokia"),
    (7244, "Quanta"),
    (10368, "Fujitsu"),
    (10876, "Supermicro"),
    (13742, "Raritan"),
    (15370, "Gigabyte"),
    (19046, "Lenovo"),
    (20974, "AMI"),
    (21239, "Vertiv"),
    (25506, "H3C"),
    (30065, "Arista"),
    (47196, "HPE"),
];

/// Returns the maker with this enterprise number, if it is known here.
pub fn maker(enterprise: u32) -> Option<&'static str> {
    let found = MAKERS.binary_search_by_key(&enterprise, |(number, _)| *number);
    found
        .ok()
        .and_then(|at| MAKERS.get(at))
        .map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_in_order_so_that_each_is_found() {
        assert!(MAKERS.is_sorted_by_key(|(number, _)| *number));
        for (number, name) in MAKERS {
            assert_eq!(maker(*number), Some(*name));
        }
        assert_eq!(maker(0), None);
    }
}
