//! The directories of labs, which labs there are, and the file that each of them is kept in.

use super::{DEFAULT_NAME, FILE, Lab, valid_name};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::files;
use crate::libvirt::hypervisor::{self, Hypervisor};
use crate::libvirt::{marked_state_dir, virsh};
use crate::xml::El;
use std::path::{Path, PathBuf};

/// Path of a lab's directory, beside the state directory: `/var/lib/lxc-autogen-lab-NAME`.
pub fn directory(state_dir: &Path, name: &str) -> PathBuf {
    let mut path = state_dir.to_owned().into_os_string();
    path.push(format!("-lab-{name}"));
    path.into()
}

/// Names of all labs that have a directory beside this state directory, in order.
pub fn beside(state_dir: &Path) -> Vec<String> {
    let start = directory(state_dir, "");
    let Some((parent, start)) = start.parent().zip(start.file_name()) else {
        return Vec::new();
    };
    let start = start.to_string_lossy();
    let mut names: Vec<String> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| {
            e.file_name()
                .to_str()?
                .strip_prefix(&*start)
                .map(str::to_owned)
        })
        .filter(|name| valid_name(name).is_ok())
        .collect();
    names.sort_unstable();
    names
}

/// The context with the lab's directory as its state directory.
pub(crate) fn of_lab(context: &Context, name: &str) -> Result<Context> {
    valid_name(name)?;
    Ok(context.in_directory(directory(&context.state_dir, name)))
}

/// Names of labs whose directory is gone; their domains' marks tell them.
pub(crate) fn lost(context: &Context) -> Vec<String> {
    let start = directory(&context.state_dir, "")
        .to_string_lossy()
        .into_owned();
    let host = &context.host;
    let of = |hypervisor: &&Hypervisor| {
        let rows = virsh::domains(host, hypervisor).unwrap_or_default();
        let names: Vec<String> = rows.into_iter().map(|r| r.name).collect();
        virsh::dump_domains(host, hypervisor, &names).unwrap_or_default()
    };
    let known = beside(&context.state_dir);
    let hypervisors = hypervisor::ALL.iter().filter(|it| it.has_domains());
    let domains: Vec<El> = hypervisors.flat_map(of).collect();
    let mut names: Vec<String> = (domains.iter())
        .filter_map(|xml| {
            marked_state_dir(xml)?
                .strip_prefix(&start)
                .map(str::to_owned)
        })
        .filter(|name| valid_name(name).is_ok() && !known.contains(name))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The lab in a directory, without taking its lock.
pub(crate) fn load(directory: &Path) -> Result<Option<Lab>> {
    let path = directory.join(FILE);
    files::read_optional(&path)?
        .map(|bytes| {
            Lab::from_json(
                &String::from_utf8_lossy(&bytes),
                &path.display().to_string(),
            )
        })
        .transpose()
}

/// The lab of this name, or the default one, with its context; refuses one that is not there.
pub(crate) fn existing(context: &Context, name: Option<&str>) -> Result<(Context, Lab)> {
    let name = name.unwrap_or(DEFAULT_NAME);
    let context = of_lab(context, name)?;
    match load(&context.state_dir)? {
        Some(lab) => Ok((context, lab)),
        None => Err(no_lab(&context, name)),
    }
}

/// The error where there is no lab of this name, with the names of those that there are. The context
/// is the lab's own.
pub(crate) fn no_lab(context: &Context, name: &str) -> Error {
    let own = context.state_dir.to_string_lossy();
    let state_dir = own.strip_suffix(&*format!("-lab-{name}"));
    let others = state_dir.map(|dir| beside(Path::new(dir)));
    let others = others.unwrap_or_default();
    let there = match others.as_slice() {
        [] => "there are no labs".to_owned(),
        [one] => format!("there is {one}"),
        _ => format!("there are {}", others.join(", ")),
    };
    let make = match name {
        DEFAULT_NAME => String::new(),
        _ => format!(" --name {name}"),
    };
    // Who has labs and none of the default name has most likely named none.
    let there = match name == DEFAULT_NAME && !others.is_empty() {
        true => format!("{there}, and --name says which is meant"),
        false => there,
    };
    Error::cant(format!("there is no lab {name} ({own} is not there)"))
        .mend(format!("{there}; lxc-autogen lab up{make} makes one"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Options;

    #[test]
    fn who_names_a_lab_that_is_not_there_is_told_which_are() {
        let parent = tempfile::tempdir().unwrap();
        let state_dir = parent.path().join("state");
        let context = Context::new(Options::default(), state_dir.clone());
        let told = |name: &str| {
            let e = existing(&context, Some(name)).unwrap_err();
            assert!(
                e.message()
                    .starts_with(&format!("there is no lab {name} ("))
            );
            e.mend_text().unwrap().to_owned()
        };
        let none = "there are no labs; lxc-autogen lab up makes one";
        assert_eq!(told("lab"), none);
        std::fs::create_dir(directory(&state_dir, "qa")).unwrap();
        let other = "there is qa, and --name says which is meant; lxc-autogen lab up makes one";
        assert_eq!(told("lab"), other);
        std::fs::create_dir(directory(&state_dir, "prod")).unwrap();
        let several = "there are prod, qa; lxc-autogen lab up --name dev makes one";
        assert_eq!(told("dev"), several);
    }
}
