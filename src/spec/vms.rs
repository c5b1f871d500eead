//! Machines of a set that are virtual machines: what they are like, and what they cannot have.

use super::{Authkey, Form, KernelChoice, Sharing, Spec, Wanted, bounds};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// The least memory of a virtual machine, MiB, with which Linux and systemd start.
pub(crate) const LEAST_MEMORY_MIB: u32 = 128;
/// The most processors of one.
pub(crate) const MOST_CPUS: u32 = 64;
/// Memory of one that runs pacemaker-remoted, MiB, unless an option says otherwise.
pub(crate) const REMOTE_MEMORY_MIB: u32 = 192;

/// What the virtual machines of a set are like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vms {
    /// Number of processors of each.
    pub cpus: u32,
    /// The kernel that they boot.
    pub kernel: KernelChoice,
}

impl Vms {
    /// Those of a new set; `None` for containers.
    ///
    /// # Errors
    /// A usage error for an option that only virtual machines have.
    pub(super) fn wanted(wanted: &Wanted) -> Result<Option<Vms>> {
        if wanted.machine == Some(Form::Virtual) {
            return Ok(Some(Vms {
                cpus: wanted.vm_cpus.unwrap_or(1),
                kernel: wanted.kernel.clone().unwrap_or_default(),
            }));
        }
        let given = [
            ("--kernel", wanted.kernel.is_some()),
            ("--vm-cpus", wanted.vm_cpus.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            None => Ok(None),
            Some((option, _)) => {
                let why = format!("{option} is for virtual machines, and containers are made");
                Err(Error::usage(why).mend("--machine vm, or leave it out"))
            }
        }
    }
}

impl Spec {
    /// What the machines are to this host.
    pub fn form(&self) -> Form {
        match self.vms {
            None => Form::Container,
            Some(_) => Form::Virtual,
        }
    }

    /// Refuses what virtual machines cannot have.
    pub(super) fn check_vms(&self) -> Result<()> {
        let Some(vms) = &self.vms else {
            return Ok(());
        };
        bounds("--vm-cpus", vms.cpus, 1, MOST_CPUS, "")?;
        bounds(
            "--memory",
            self.memory_mib,
            LEAST_MEMORY_MIB,
            1 << 20,
            " MiB",
        )?;
        let refused = [
            (
                self.anywhere,
                "run here and nowhere else, where their kernel and images are: --allow-anywhere is for containers",
                "leave out --allow-anywhere",
            ),
            (
                self.authkey == Authkey::Bind,
                "see no directory of this host: the key is copied into each",
                "--authkey copy, or leave it out",
            ),
            (
                self.allow_mounts,
                "have a kernel of their own, and can mount in any case",
                "leave out --allow-mounts",
            ),
        ];
        match refused.into_iter().find(|(given, _, _)| *given) {
            None => Ok(()),
            Some((_, why, mend)) => Err(Error::usage(format!("virtual machines {why}")).mend(mend)),
        }
    }
}

/// Which options would make other machines of those that are there: name, whether it differs, and why
/// that cannot be.
pub(super) fn remade(wanted: &Wanted, saved: &Spec) -> [(&'static str, bool, &'static str); 4] {
    const MADE: &str = "it is in the machines' files, which are not remade under what runs";
    let kernel = saved.vms.as_ref().map(|vms| &vms.kernel);
    let cpus = saved.vms.as_ref().map(|vms| vms.cpus);
    let shm = wanted.shm.is_some_and(|mib| mib != saved.shm_mib);
    [
        (
            "--machine",
            wanted.machine.is_some_and(|form| form != saved.form()),
            "a container and a virtual machine have other files and another hypervisor",
        ),
        (
            "--kernel",
            wanted.kernel.is_some() && wanted.kernel.as_ref() != kernel,
            MADE,
        ),
        (
            "--vm-cpus",
            wanted.vm_cpus.is_some() && wanted.vm_cpus != cpus,
            MADE,
        ),
        ("--shm", shm && saved.vms.is_some(), MADE),
    ]
}

/// Refuses to make machines on other cluster nodes too that run where they were made, and nowhere else.
///
/// # Errors
/// A usage error with the kind of machines.
pub(crate) fn check_sharing(
    wanted: &Wanted,
    sharing: &Sharing,
    saved: Option<&Spec>,
) -> Result<()> {
    if !sharing.is_wanted() {
        return Ok(());
    }
    let kind = super::NodeKind::wanted(wanted, saved);
    if kind == super::NodeKind::Remote {
        let why = "remote nodes' containers run here and nowhere else: -s is for guest nodes";
        return Err(Error::usage(why).mend("leave out -s and --nodes, or --kind remote"));
    }
    let form = saved.map_or(wanted.machine, |spec| Some(spec.form()));
    if form == Some(Form::Virtual) {
        let why = "virtual machines run here and nowhere else, since their kernel and images are copied to no \
                   other node: -s is for containers";
        return Err(Error::usage(why).mend("leave out -s and --nodes, or --machine vm"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(wanted: Wanted) -> Result<Spec> {
        Spec::resolve(&wanted, None)
    }

    fn vms() -> Wanted {
        Wanted {
            machine: Some(Form::Virtual),
            ..Wanted::default()
        }
    }

    #[test]
    fn virtual_machines_have_a_kernel_a_copy_of_the_key_and_memory_for_both() {
        let spec = of(vms()).unwrap();
        assert_eq!(spec.form(), Form::Virtual);
        assert_eq!((spec.memory_mib, spec.authkey), (192, Authkey::Copy));
        assert_eq!(spec.vms.as_ref().unwrap().cpus, 1);
        assert_eq!(of(Wanted::default()).unwrap().form(), Form::Container);
        // Sets from before there was a choice are of containers.
        let mut json = serde_json::to_value(of(Wanted::default()).unwrap()).unwrap();
        assert!(json.get("vms").is_none(), "{json}");
        assert_eq!(
            serde_json::from_value::<Spec>(json.take()).unwrap().form(),
            Form::Container
        );
    }

    #[test]
    fn what_virtual_machines_cannot_have_is_a_usage_error() {
        let said = |wanted: Wanted| {
            let e = of(wanted).unwrap_err();
            assert_eq!(e.kind, crate::error::Kind::Usage);
            e.to_string()
        };
        for (wanted, names) in [
            (
                Wanted {
                    memory: Some(127),
                    ..vms()
                },
                "--memory",
            ),
            (
                Wanted {
                    vm_cpus: Some(0),
                    ..vms()
                },
                "--vm-cpus",
            ),
            (
                Wanted {
                    allow_anywhere: true,
                    ..vms()
                },
                "--allow-anywhere",
            ),
            (
                Wanted {
                    authkey: Some(Authkey::Bind),
                    ..vms()
                },
                "--authkey copy",
            ),
            (
                Wanted {
                    allow_mounts: true,
                    ..vms()
                },
                "--allow-mounts",
            ),
            (
                Wanted {
                    kernel: Some(KernelChoice::default()),
                    ..Wanted::default()
                },
                "--kernel",
            ),
            (
                Wanted {
                    vm_cpus: Some(2),
                    ..Wanted::default()
                },
                "--vm-cpus",
            ),
        ] {
            let said = said(wanted);
            assert!(said.contains(names), "{names}: {said}");
        }
        let shared = Sharing {
            every: true,
            ..Sharing::default()
        };
        let spec = of(vms()).unwrap();
        let none = Wanted::default();
        for (wanted, saved) in [(&vms(), None), (&none, Some(&spec))] {
            let e = check_sharing(wanted, &shared, saved).unwrap_err();
            assert!(e.message().contains("-s is for containers"), "{e}");
        }
        check_sharing(&none, &shared, None).unwrap();
        check_sharing(&vms(), &Sharing::default(), Some(&spec)).unwrap();
    }

    #[test]
    fn a_set_stays_of_the_machines_that_it_was_made_of() {
        let (containers, machines) = (of(Wanted::default()).unwrap(), of(vms()).unwrap());
        let again = |wanted: Wanted, saved: &Spec| Spec::resolve(&wanted, Some(saved));
        assert_eq!(again(vms(), &machines).unwrap(), machines);
        assert_eq!(again(Wanted::default(), &machines).unwrap(), machines);
        let cpus = Wanted {
            vm_cpus: Some(2),
            ..Wanted::default()
        };
        let shm = Wanted {
            shm: Some(64),
            ..Wanted::default()
        };
        for (wanted, saved, option) in [
            (vms(), &containers, "--machine"),
            (
                Wanted {
                    machine: Some(Form::Container),
                    ..Wanted::default()
                },
                &machines,
                "--machine",
            ),
            (cpus.clone(), &machines, "--vm-cpus"),
            (cpus, &containers, "--vm-cpus"),
            (shm.clone(), &machines, "--shm"),
        ] {
            let e = again(wanted, saved).unwrap_err();
            assert!(e.message().contains(option), "{option}: {e}");
        }
        assert_eq!(again(shm, &containers).unwrap().shm_mib, 64);
        let memory = Wanted {
            memory: Some(256),
            ..Wanted::default()
        };
        assert_eq!(again(memory, &machines).unwrap().memory_mib, 256);
    }
}
