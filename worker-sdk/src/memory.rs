//! The memory of this process, by Linux.

use std::fs;

/// Returns the bytes of this process that are resident; `None` where that cannot be read.
pub fn resident() -> Option<u64> {
    parse(&fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<u64> {
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_as_linux_writes_it() {
        let status = "Name:\techo\nVmHWM:\t    5000 kB\nVmRSS:\t    4096 kB\nRssAnon:\t 1 kB\n";
        assert_eq!(parse(status), Some(4096 * 1024));
        assert_eq!(parse("Name:\techo\n"), None);
        assert!(resident().is_none_or(|bytes| bytes > 100_000));
    }
}
