//! Containers of guest nodes: each is a primitive of VirtualDomain, with everything in it that could
//! be said once in a template. pcs (0.11, 0.12) reads neither templates nor references to attribute
//! sets, and ends in a KeyError at a primitive without a class.

use super::ids::of_primitive;
use super::joining::eased_meta;
use super::stop::back;
use super::{Cluster, meta_id, nvpair, nvpairs, op};
use crate::libvirt::hypervisor::Hypervisor;
use crate::pacemaker::cib::Cib;
use crate::plan::{Form, Machine, Set};
use crate::xml::El;

/// Seconds that the cluster tries to reach a virtual machine that was started. An emulated one was online
/// 16 to 21 s after its start, beside other work, and many that boot at once share the processors. Without
/// this it would be 60 (Pacemaker Explained, "Guest node" meta attributes).
pub(super) const BOOTS_S: u32 = 180;

/// The primitive of a container or virtual machine. Its description tells whose it is.
pub(super) fn primitive(set: &Set, guest: &Machine, cluster: &Cluster) -> El {
    let id = &guest.resource;
    let path = set.domain_xml_path(&guest.name).display().to_string();
    let parameters = [
        ("config", path),
        ("force_stop", "true".to_owned()),
        ("hypervisor", Hypervisor::of_form(guest.form).uri.to_owned()),
        // At every start the agent would write each of these to the CIB, which aborts the running
        // transition and makes the scheduler run again.
        ("autoset_utilization_cpu", "false".to_owned()),
        ("autoset_utilization_hv_memory", "false".to_owned()),
        ("autoset_utilization_host_memory", "false".to_owned()),
    ];
    // Of containers lxc_autogen.sh's, which say little; nothing counts them unless somebody wants it
    // (Pacemaker Explained, placement-strategy).
    let (cpus, memory) = match &set.spec.vms {
        None => (1, 100),
        Some(vms) => (vms.cpus, guest.memory_mib),
    };
    let utilization = [("cpu", cpus.to_string()), ("hv_memory", memory.to_string())];
    let operations = (!cluster.there.contains(id)).then(|| operations(set, id, cluster));
    El::new("primitive")
        .attr("id", id)
        .attr("class", "ocf")
        .attr("provider", "heartbeat")
        .attr("type", "VirtualDomain")
        .attr("description", of_primitive(set, &guest.name))
        .child(nvpairs(
            "instance_attributes",
            &format!("{id}-instance_attributes"),
            &parameters,
        ))
        .children(operations)
        .child(meta(guest, cluster))
        .child(nvpairs(
            "utilization",
            &format!("{id}-utilization"),
            &utilization,
        ))
}

fn operations(set: &Set, id: &str, cluster: &Cluster) -> El {
    let first = cluster.joining.as_ref().is_some_and(|j| j.first);
    El::new("operations")
        .child(op(id, "start", "0s", "90s"))
        .child(op(id, "stop", "0s", "90s"))
        .children((!first).then(|| monitor(id, set.spec.monitor_s)))
}

fn meta(guest: &Machine, cluster: &Cluster) -> El {
    let set = meta_id(&guest.resource);
    let mut pairs = vec![
        ("remote-node", guest.name.clone()),
        ("remote-addr", guest.address.to_string()),
    ];
    // The agent's start ends when the machine begins to boot, and then this time runs.
    pairs.extend((guest.form == Form::Virtual).then(|| {
        let timeout = format!("{BOOTS_S}s");
        ("remote-connect-timeout", timeout)
    }));
    let revive = cluster.revive.contains(&guest.resource);
    let back = revive.then(|| back(&guest.resource));
    let eased = cluster.joining.as_ref().map(|_| eased_meta());
    let eased = eased.map(|(name, value)| nvpair(&set, name, value));
    nvpairs("meta_attributes", &set, &pairs)
        .children(back.into_iter().flatten())
        .children(eased)
}

/// The monitor of a container's primitive; `interval_s` is in seconds.
fn monitor(id: &str, interval_s: u32) -> El {
    op(id, "monitor", &format!("{interval_s}s"), "30s")
}

/// The change that gives a monitor to each of a set's primitives that has none, as long as any has
/// none; `interval_s` is in seconds.
pub fn monitors(cib: &Cib, tag: &str, interval_s: u32) -> Option<El> {
    let is_monitor = |op: &&El| op.name == "op" && op.get("name") == Some("monitor");
    let of_set = cib.primitives_of_set(tag).into_iter();
    let without = of_set.filter(|e| !e.walk().iter().any(is_monitor));
    let with = without.filter_map(|e| e.get("id")).map(|id| {
        let operations = El::new("operations").child(monitor(id, interval_s));
        El::new("primitive").attr("id", id).child(operations)
    });
    let with: Vec<El> = with.collect();
    let resources = (!with.is_empty()).then(|| El::new("resources").children(with));
    resources.map(|all| El::new("configuration").child(all))
}
