//! Virtual machines that boot for real: with a kernel of the distribution's, fetched by its own
//! means, an initramfs of ours, and lxc-autogen as PID 1.

// A test is not the program: it starts what it likes, and prints.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

use libtest_mimic::{Arguments, Failed, Trial};
use lxc_autogen::boot::{Choice, Store, probe};
use lxc_autogen::host::Host;
use std::path::Path;

fn main() {
    let why = reason_not_to();
    if let Some(why) = &why {
        eprintln!("\n!!! SKIPPED: no virtual machine boots in this run: {why}\n");
    }
    let boots = Trial::test("a_machine_boots_loads_its_modules_and_powers_off", boots);
    let trials = vec![boots.with_ignored_flag(why.is_some())];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Why this is not the run, or not the machine, for it.
fn reason_not_to() -> Option<String> {
    if std::env::var_os("LXC_AUTOGEN_LONG").is_none() {
        return Some("scripts/test --long does that".to_owned());
    }
    let tools = [
        "apt-get",
        "dpkg-deb",
        "depmod",
        "modprobe",
        "qemu-system-x86_64",
    ];
    let lacks = |tool: &&str| {
        let found = std::process::Command::new("which").arg(tool).output();
        !found.is_ok_and(|output| output.status.success())
    };
    let tool = tools.into_iter().find(|tool| lacks(tool))?;
    Some(format!("there is no {tool}"))
}

fn boots() -> Result<(), Failed> {
    let host = Host::new(false);
    let scratch = tempfile::tempdir()?;
    let store = Store::open_in(scratch.path().join("store"))?;
    let kernel = store.kernel(&host, &Choice::default(), |_| ())?;
    let again = store.kernel(&host, &Choice::default(), |package| {
        panic!("{package} is fetched again")
    })?;
    assert_eq!(again, kernel);
    let files = kernel.modules(&host, &["virtio_net"])?;
    let names: Vec<_> = files
        .iter()
        .filter_map(|f| f.file_stem()?.to_str())
        .collect();
    let at = |name: &str| names.iter().position(|n| n.starts_with(name));
    assert!(
        at("failover").is_some() && at("failover") < at("virtio_net"),
        "{names:?}"
    );
    assert!(kernel.modules(&host, &["no_such_module"]).is_err());
    let program = Path::new(env!("CARGO_BIN_EXE_lxc-autogen"));
    let by = probe(&host, &kernel, program, scratch.path())?;
    println!("Linux {} boots: {by:?}", kernel.release);
    Ok(())
}
