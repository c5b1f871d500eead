//! This host's memory (proc(5), /proc/meminfo).

use super::proc;
use procfs_core::Meminfo;

/// MiB of memory that can be used without swapping; `None` where the kernel does not say.
pub fn available_mib() -> Option<u64> {
    let all: Meminfo = proc::read("/proc/meminfo").ok()?;
    // procfs-core has turned KiB into bytes.
    Some(all.mem_available? >> 20)
}

#[cfg(test)]
mod tests {
    /// The kernel's own line, read by hand.
    #[test]
    fn it_is_what_the_kernel_says_in_mib() {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap();
        let kib = |name: &str| -> u64 {
            let line = text.lines().find(|l| l.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        let (free, all) = (kib("MemFree:") / 1024, kib("MemTotal:") / 1024);
        let available = super::available_mib().unwrap();
        assert!(
            available > free / 2 && available <= all,
            "{available} of {all}"
        );
    }
}
