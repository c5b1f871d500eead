//! What a set of virtual machines cannot have, and what of any set cannot be changed or shared for what
//! its machines are.

use super::{Authkey, Form, LEAST_MEMORY_MIB, MOST_CPUS, NodeKind, Sharing, Spec, Wanted, bounds};
use crate::error::{Error, Result};

/// Names, whether they differ, and why that cannot be, of options that would make other machines.
type Remade = [(&'static str, bool, &'static str); 4];

impl Spec {
    /// What the machines are to this host.
    pub fn form(&self) -> Form {
        match self.vms {
            None => Form::Container,
            Some(_) => Form::Virtual,
        }
    }

    /// Which options would make other machines of those that are there.
    pub(super) fn remade(&self, wanted: &Wanted) -> Remade {
        const MADE: &str = "it is in the machines' files, which are not remade under what runs";
        let kernel = self.vms.as_ref().map(|vms| &vms.kernel);
        let cpus = self.vms.as_ref().map(|vms| vms.cpus);
        let shm = wanted.shm.is_some_and(|mib| mib != self.shm_mib);
        [
            (
                "--machine",
                wanted.machine.is_some_and(|form| form != self.form()),
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
            ("--shm", shm && self.vms.is_some(), MADE),
        ]
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
    let kind = NodeKind::wanted(wanted, saved);
    if kind == NodeKind::Remote {
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
    use crate::spec::KernelChoice;

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
