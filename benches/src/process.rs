//! Processor time and memory of processes, from `/proc` (proc(5)).

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};

/// Ticks per second: fixed at 100 on Linux in `/proc`.
const TICKS: f64 = 100.0;

/// Processor seconds of a process, user and system, over all its threads.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the process has ended")?;
    let after_name = stat
        .rsplit_once(')')
        .context("an unknown form of /proc/PID/stat")?
        .1;
    let field = |at: usize| -> Result<f64> {
        Ok(after_name
            .split_whitespace()
            .nth(at)
            .context("a short /proc/PID/stat")?
            .parse()?)
    };
    Ok((field(11)? + field(12)?) / TICKS)
}

/// Resident memory of a process (RSS), in megabytes.
pub fn resident_megabytes(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1024.0)
}

/// The number of sockets that a process has open.
pub fn open_sockets(pid: u32) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // One that was closed meanwhile is none.
        let to = fs::read_link(entry?.path()).unwrap_or_default();
        count += usize::from(to.to_string_lossy().starts_with("socket:"));
    }
    Ok(count)
}

/// All descendants of a process, with the names of their programs.
pub fn descendants(pid: u32) -> Result<BTreeMap<u32, String>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(child) = entry?.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(format!("/proc/{child}/stat")) else {
            continue;
        };
        let Some((name, rest)) = stat.rsplit_once(')') else {
            continue;
        };
        let parent = rest
            .split_whitespace()
            .nth(1)
            .and_then(|parent| parent.parse().ok());
        let name = name.split_once('(').map_or("", |(_, name)| name).to_owned();
        parents.push((child, parent.unwrap_or(0), name));
    }
    let mut found = BTreeMap::new();
    let mut from = vec![pid];
    while let Some(parent) = from.pop() {
        for (child, _, name) in parents.iter().filter(|(_, of, _)| *of == parent) {
            found.insert(*child, name.clone());
            from.push(*child);
        }
    }
    Ok(found)
}

/// Processor seconds of all descendants of a process.
pub fn descendants_cpu_seconds(pid: u32) -> Result<f64> {
    Ok(descendants(pid)?
        .keys()
        .filter_map(|child| cpu_seconds(*child).ok())
        .sum())
}

/// Processor seconds of this process's descendants whose program name begins like this (the kernel
/// keeps 15 characters of it).
pub fn named_cpu_seconds(name: &str) -> Result<f64> {
    let ours = descendants(std::process::id())?;
    let named = ours
        .into_iter()
        .filter(|(_, program)| program.starts_with(name));
    Ok(named.filter_map(|(pid, _)| cpu_seconds(pid).ok()).sum())
}
