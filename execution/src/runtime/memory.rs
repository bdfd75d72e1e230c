//! The memory of a process and of those that it has started, by Linux.

use std::fs;

/// More processes than that are not looked at.
const MAX_PROCESSES: usize = 64;

/// Bytes that are resident, of a process and its descendants together; `None`: it is gone.
pub(super) fn of_tree(process: i32) -> Option<u64> {
    let mut all = vec![process];
    let mut total = None;
    let mut at = 0;
    while let Some(&process) = all.get(at) {
        at += 1;
        if let Some(bytes) = resident(process) {
            total = Some(total.unwrap_or(0) + bytes);
        }
        all.extend(children(process));
        all.truncate(MAX_PROCESSES);
    }
    total
}

fn resident(process: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn children(process: i32) -> Vec<i32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    let numbers = text.split_whitespace();
    numbers.filter_map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_a_process_has_started_counts_and_what_is_gone_has_none() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 60 & echo; wait"]);
        let mut shell = shell.stdout(Stdio::piped()).spawn().unwrap();
        // When it has said something, its child is there.
        let mut said = [0];
        std::io::Read::read_exact(shell.stdout.as_mut().unwrap(), &mut said).unwrap();
        let process = i32::try_from(shell.id()).unwrap();
        let alone = resident(process).unwrap();
        let all = of_tree(process).unwrap();
        let child = children(process)[0];
        assert!(all > alone, "{all} {alone}");
        shell.kill().unwrap();
        shell.wait().unwrap();
        assert_eq!(of_tree(process), None);
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(child).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
    }
}
