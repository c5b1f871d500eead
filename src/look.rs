//! Answers about this host and its cluster. Each question is asked once in a run, and its answer is
//! kept. A look is taken under the lock, so that no other run of ours changes the answers. Where
//! this run itself changes an answer, it says so, and the question is asked again.

use crate::context::Context;
use crate::error::Result;
use crate::libvirt::hypervisor::LXC;
use crate::libvirt::virsh::{self, DomainRow};
use crate::pacemaker::cib::Cib;
use crate::pacemaker::tools;
use crate::rootfs;
use crate::xml::El;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A look at this host and its cluster. Errors are not kept: a question that failed is asked again.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    /// The context of the work that looks.
    pub context: &'a Context,
    node: OnceCell<String>,
    cib: RefCell<Option<Rc<Cib>>>,
    domains: OnceCell<Vec<DomainRow>>,
    marked: OnceCell<Vec<(String, bool)>>,
    networks: OnceCell<Vec<String>>,
    dumps: RefCell<HashMap<String, Option<Rc<El>>>>,
    cluster_version: OnceCell<String>,
    versions: RefCell<HashMap<PathBuf, String>>,
}

impl<'a> Look<'a> {
    /// A look that has asked no question yet.
    pub(crate) fn new(context: &'a Context) -> Look<'a> {
        Look {
            context,
            node: OnceCell::new(),
            cib: RefCell::new(None),
            domains: OnceCell::new(),
            marked: OnceCell::new(),
            networks: OnceCell::new(),
            dumps: RefCell::new(HashMap::new()),
            cluster_version: OnceCell::new(),
            versions: RefCell::new(HashMap::new()),
        }
    }

    /// This cluster node's name.
    ///
    /// # Errors
    /// As [`tools::this_node`].
    pub(crate) fn node(&self) -> Result<&str> {
        once(&self.node, || tools::this_node(&self.context.host)).map(String::as_str)
    }

    /// The CIB of the running cluster.
    ///
    /// # Errors
    /// As [`tools::query`].
    pub(crate) fn cib(&self) -> Result<Rc<Cib>> {
        if let Some(cib) = &*self.cib.borrow() {
            return Ok(Rc::clone(cib));
        }
        let cib = Rc::new(tools::query(&self.context.host)?);
        *self.cib.borrow_mut() = Some(Rc::clone(&cib));
        Ok(cib)
    }

    /// Drops the CIB that was read, because this run has changed the CIB.
    pub(crate) fn cib_has_changed(&self) {
        *self.cib.borrow_mut() = None;
    }

    /// All domains, defined or running.
    ///
    /// # Errors
    /// As [`virsh::domains`].
    pub(crate) fn domains(&self) -> Result<&[DomainRow]> {
        once(&self.domains, || virsh::domains(&self.context.host, &LXC)).map(Vec::as_slice)
    }

    /// The names of all domains, each with whether it carries the mark of the state directory.
    ///
    /// # Errors
    /// As [`virsh::marks`].
    pub(crate) fn marked_domains(&self) -> Result<&[(String, bool)]> {
        let ask = || {
            let names: Vec<String> = self.domains()?.iter().map(|d| d.name.clone()).collect();
            virsh::marks(&self.context.host, &LXC, &names, &self.context.state_dir)
        };
        once(&self.marked, ask).map(Vec::as_slice)
    }

    /// Names of all of libvirt's networks.
    ///
    /// # Errors
    /// As [`virsh::networks`].
    pub(crate) fn networks(&self) -> Result<&[String]> {
        once(&self.networks, || virsh::networks(&self.context.host)).map(Vec::as_slice)
    }

    /// The XML of a network, or `None` when there is none of that name.
    ///
    /// # Errors
    /// As [`virsh::dump_network`].
    pub(crate) fn network(&self, name: &str) -> Result<Option<Rc<El>>> {
        if let Some(known) = self.dumps.borrow().get(name) {
            return Ok(known.clone());
        }
        // virsh is not asked for a network that its list does not have.
        let is_listed = self.networks()?.iter().any(|n| n == name);
        let xml = match is_listed {
            true => virsh::dump_network(&self.context.host, name)?.map(Rc::new),
            false => None,
        };
        let mut dumps = self.dumps.borrow_mut();
        Ok(dumps.entry(name.to_owned()).or_insert(xml).clone())
    }

    /// The version of the cluster's Pacemaker on this host.
    ///
    /// # Errors
    /// As [`tools::version`].
    pub(crate) fn cluster_version(&self) -> Result<&str> {
        let ask = || tools::version(&self.context.host);
        once(&self.cluster_version, ask).map(String::as_str)
    }

    /// The version that a daemon prints.
    ///
    /// # Errors
    /// As [`rootfs::version`].
    pub(crate) fn version_of(&self, daemon: &Path) -> Result<String> {
        if let Some(known) = self.versions.borrow().get(daemon) {
            return Ok(known.clone());
        }
        let version = rootfs::version(&self.context.host, daemon)?;
        let mut versions = self.versions.borrow_mut();
        versions.insert(daemon.to_owned(), version.clone());
        Ok(version)
    }
}

/// The value in the cell; an empty cell first gets the answer.
fn once<T>(cell: &OnceCell<T>, ask: impl FnOnce() -> Result<T>) -> Result<&T> {
    if let Some(known) = cell.get() {
        return Ok(known);
    }
    let answer = ask()?;
    Ok(cell.get_or_init(|| answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn an_answer_is_kept_and_a_failure_is_not() {
        let cell = OnceCell::new();
        assert!(once(&cell, || Err::<u32, _>(Error::failed("silent"))).is_err());
        assert_eq!(*once(&cell, || Ok(7)).unwrap(), 7);
        let kept = once(&cell, || unreachable!("it is known")).unwrap();
        assert_eq!(*kept, 7);
    }
}
