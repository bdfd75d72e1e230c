//! The rights of root.

use rustix::{
    io::{Errno, Result},
    thread::{
        CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set,
        set_capabilities,
    },
};

/// The rights that a worker may need: for echo requests, and for ports below 1024.
const KEPT: CapabilitySet = CapabilitySet::NET_RAW.union(CapabilitySet::NET_BIND_SERVICE);

/// Gives up all other rights of root, also for programs that would bring them.
pub fn drop_most() -> Result<()> {
    let now = capabilities(None)?;
    for each in CapabilitySet::all().difference(KEPT).iter() {
        match remove_capability_from_bounding_set(each) {
            // Who has no rights cannot drop what could be had: no_new_privs keeps it away. And an
            // older kernel does not know all of them.
            Ok(()) | Err(Errno::PERM | Errno::INVAL) => {}
            Err(error) => return Err(error),
        }
    }
    let kept = CapabilitySets {
        effective: now.effective & KEPT,
        permitted: now.permitted & KEPT,
        inheritable: now.inheritable & KEPT,
    };
    set_capabilities(None, kept)
}
