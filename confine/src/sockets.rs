//! Sockets of the network alone. Landlock does not govern who connects to a unix socket by its path,
//! and this user's are those of utakata, of container engines and of buses.
//!
//! A worker makes none, so that there is none to connect: one that it was not given it cannot name.
//! Pairs are let be, which runtimes use to wake themselves, if they have a connection: a pair of
//! datagrams can be turned to any other socket.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The families of the network, and that by which the kernel tells addresses and routes.
const FAMILIES: [libc::c_int; 3] = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
/// The types of pairs that stay connected to each other.
const PAIRED: [libc::c_int; 2] = [libc::SOCK_STREAM, libc::SOCK_SEQPACKET];
/// The bits of the type that are no flags (`SOCK_TYPE_MASK` of the kernel).
const TYPE_BITS: u8 = 0xf;

/// Gives all other sockets up. They are refused as by a kernel that does not have them, which
/// programs can live with.
pub fn restrict() -> Result<()> {
    let refused = BTreeMap::from([
        (libc::SYS_socket, sockets()?),
        (libc::SYS_socketpair, pairs()?),
    ]);
    let filter = SeccompFilter::new(
        refused,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EAFNOSUPPORT.unsigned_abs()),
        TargetArch::try_from(std::env::consts::ARCH)?,
    )?;
    apply_filter(&BpfProgram::try_from(filter)?)?;
    Ok(())
}

/// Returns when a socket is refused.
fn sockets() -> Result<Vec<SeccompRule>> {
    let others: Result<Vec<_>> = FAMILIES
        .iter()
        .map(|&family| argument(0, SeccompCmpOp::Ne, family))
        .collect();
    // Other protocols of netlink are for those who administer the machine.
    let administration = vec![
        argument(0, SeccompCmpOp::Eq, libc::AF_NETLINK)?,
        argument(2, SeccompCmpOp::Ne, libc::NETLINK_ROUTE)?,
    ];
    Ok(vec![
        SeccompRule::new(others?)?,
        SeccompRule::new(administration)?,
    ])
}

/// Returns when a pair of sockets is refused.
fn pairs() -> Result<Vec<SeccompRule>> {
    let others = vec![argument(0, SeccompCmpOp::Ne, libc::AF_UNIX)?];
    let types = (0..=libc::c_int::from(TYPE_BITS)).filter(|kind| !PAIRED.contains(kind));
    let types = types.map(|kind| {
        let masked = SeccompCmpOp::MaskedEq(TYPE_BITS.into());
        Ok(SeccompRule::new(vec![argument(1, masked, kind)?])?)
    });
    let types: Result<Vec<_>> = types.collect();
    let mut rules = vec![SeccompRule::new(others)?];
    rules.extend(types?);
    Ok(rules)
}

/// An argument of a system call, of which the kernel looks at the lower half.
fn argument(index: u8, is: SeccompCmpOp, value: libc::c_int) -> Result<SeccompCondition> {
    let value = u64::from(value.unsigned_abs());
    Ok(SeccompCondition::new(
        index,
        SeccompCmpArgLen::Dword,
        is,
        value,
    )?)
}
