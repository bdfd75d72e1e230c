//! System calls that no worker needs, and that reach past what was given up: into other processes,
//! into the kernel, and into other views of the machine.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter, sock_filter,
};

/// Refused with EPERM, so that a program which tries one goes on.
const REFUSED: [libc::c_long; 43] = [
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_process_madvise,
    // Other views of the machine.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_fsconfig,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    // The kernel.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_syslog,
    // Keys of the kernel.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // The clock and the name of the machine.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
];

/// Gives these calls up.
pub fn restrict() -> Result<(), Box<dyn std::error::Error>> {
    let refused = REFUSED.iter().map(|&call| (call, Vec::new()));
    let filter = SeccompFilter::new(
        refused.collect::<BTreeMap<_, _>>(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        TargetArch::try_from(std::env::consts::ARCH)?,
    )?;
    let mut program = other_numbers();
    program.extend(BpfProgram::try_from(filter)?);
    apply_filter(&program)?;
    Ok(())
}

/// Returns instructions that refuse the calls of x32, an interface of x86-64 with numbers of its own
/// for the same calls: the filters know them by the usual ones.
fn other_numbers() -> BpfProgram {
    const X32: u32 = 0x4000_0000;
    const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs();
    // Load a word of what the filter looks at, jump if it is greater or equal, return.
    const LOAD: u16 = 0x20;
    const JUMP: u16 = 0x35;
    const RETURN: u16 = 0x06;
    let instruction = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    if !cfg!(target_arch = "x86_64") {
        return BpfProgram::new();
    }
    // The number is the first field of what a filter sees (`struct seccomp_data`).
    vec![
        instruction(LOAD, 0, 0, 0),
        instruction(JUMP, 0, 1, X32),
        instruction(RETURN, 0, 0, REFUSE),
    ]
}
