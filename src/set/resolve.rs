//! From the command line to a set: what the options leave open comes from the kept set, or from
//! this host.

use crate::error::{Error, Result};
use crate::host::{files, net};
use crate::libvirt::{self, qemu};
use crate::look::Look;
use crate::plan::{NETWORK_NAME, SET_VERSION, Set};
use crate::resolve::{
    Elsewhere, candidates, environment, free_subnet, networks, remoted, wanted_version,
};
use crate::rootfs::{Layout, Remoted};
use crate::spec::Wanted;
use crate::spec::{DEFAULT_ADDRESS, Form, Former, Spec};
use std::net::Ipv4Addr;
use std::path::Path;

/// A set, and the package that is still to be fetched for it.
#[derive(Debug)]
pub(crate) struct Choice {
    /// The set, complete.
    pub set: Set,
    /// The version of the package pacemaker-remote to fetch, if there is no daemon yet.
    pub fetch: Option<String>,
}

/// Completes the options from the kept set, or else from what this host has. Changes nothing.
///
/// # Errors
/// Usage errors, and [`Kind::Cant`] when this host lacks something.
pub(crate) fn choose(
    look: &Look<'_>,
    wanted: &Wanted,
    saved: Option<&Set>,
    elsewhere: &Elsewhere,
) -> Result<Choice> {
    let set = choose_set(look, wanted, saved, elsewhere)?;
    let fetch = match &set.remoted {
        Remoted::Bound { path } if path.starts_with(&look.context.state_dir) && !path.exists() => {
            Some(wanted_version(look.context)?)
        }
        _ => None,
    };
    Ok(Choice { set, fetch })
}

/// The set alone, without asking whether its pacemaker-remoted can be had.
///
/// # Errors
/// As [`choose`].
pub(crate) fn choose_set(
    look: &Look<'_>,
    wanted: &Wanted,
    saved: Option<&Set>,
    elsewhere: &Elsewhere,
) -> Result<Set> {
    if let (Some(text), Some(saved)) = (wanted.network.as_deref(), saved) {
        if !saved.subnet.is_meant_by(text)? {
            return Err(Error::usage(format!(
                "the containers in the state directory are on {}, not on --network {text}",
                saved.subnet
            ))
            .mend("leave the option out, or run `lxc-autogen cleanup` first"));
        }
    }
    let spec = Spec::resolve(wanted, saved.map(|s| &s.spec))?;
    match saved {
        Some(saved) => {
            saved.subnet.check_holds(spec.containers).map_err(|e| {
                e.mend(
                    "lxc-autogen cleanup, then up with a larger network, such as -n 10.40.0.1/16",
                )
            })?;
            Ok(Set {
                former: Former::between(&saved.spec, &saved.former, &spec),
                spec,
                ..saved.clone()
            })
        }
        None => new_set(look, spec, elsewhere),
    }
}

fn new_set(look: &Look<'_>, spec: Spec, elsewhere: &Elsewhere) -> Result<Set> {
    let context = look.context;
    let base = spec.base.clone().unwrap_or_else(|| "/".into());
    let layout = Layout::of(&base)?;
    let remoted = remoted(context, spec.remoted.as_deref(), &base)?;
    let network = network_name(&networks(look)?, elsewhere)?;
    let candidates = candidates(&STARTS, spec.containers)?;
    let subnet = free_subnet(look, spec.subnet, &candidates, elsewhere)?;
    let seed = if context.options.dry_run {
        "dry run".to_owned()
    } else {
        files::sha256(&files::random_bytes(32)?)
    };
    Ok(Set {
        version: SET_VERSION,
        subnet,
        network,
        seed,
        state_dir: context.state_dir.clone(),
        environment: environment(&base),
        layout,
        remoted,
        emulator: match spec.form() {
            Form::Container => libvirt::emulator(),
            Form::Virtual => qemu::EMULATOR.into(),
        },
        // It is tried once this host is known to have what that takes.
        kvm: false,
        mask_sysrq: Path::new("/proc/sysrq-trigger").exists(),
        nodes: Vec::new(),
        former: Former::default(),
        spec,
    })
}

/// `lxc-autogen`, or the first name of it with a number that neither libvirt nor the kernel has.
fn network_name(networks: &[String], elsewhere: &Elsewhere) -> Result<String> {
    let mut taken = net::links();
    taken.extend_from_slice(&elsewhere.names);
    taken.extend_from_slice(networks);
    (1..1000)
        .map(|n| match n {
            1 => NETWORK_NAME.to_owned(),
            n => format!("{NETWORK_NAME}{n}"),
        })
        .find(|name| !taken.contains(name))
        .ok_or_else(|| Error::cant("no name is free for a network").mend("remove some networks"))
}

/// Where the search for a free subnet begins: at lxc_autogen.sh's own subnet, then at one in each
/// of the other private ranges.
const STARTS: [Ipv4Addr; 3] = [
    DEFAULT_ADDRESS,
    Ipv4Addr::new(172, 31, 123, 1),
    Ipv4Addr::new(10, 123, 123, 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_candidate_is_private_and_holds_them_all() {
        for containers in [2, 245, 60_000] {
            let all = candidates(&STARTS, containers).unwrap();
            assert!(all.len() > 100, "{containers}: {}", all.len());
            assert_eq!(all[0].host(), DEFAULT_ADDRESS);
            assert!(all.iter().all(|s| s.capacity() >= containers));
        }
    }
}
