//! What a set adds to the CIB, as one `<configuration>` tree that cibadmin merges in one change
//! (Pacemaker Explained, "Location constraints", "Guest nodes").

mod constraints;
mod container;
mod ids;
mod joining;
mod keep_mine;
mod monitors;
mod named;
mod passing;
mod remote;
mod stop;

pub use remote::connection;
pub use stop::{LEAVING, clone_limit, leaving_id, stop};

use super::schema::Roles;
use crate::plan::{Machine, Set};
use crate::spec::NodeKind;
use crate::xml::El;
pub use constraints::Discovery;
use constraints::{clone_on_guests, of_containers};
pub use container::monitors;
pub use ids::{
    clone_constraint_id, clone_id, clone_id_of_tag, clone_primitive_id, constraints_on_all,
    description, former_ids, ids_of_tag, keep_mine_id, object_ids, passing_ids, tag_of,
};
pub use joining::{
    Afterwards, Easing, Joining, SECTIONS, goes_when_empty, is_large, is_of_joins, joining_id,
};
pub use joining::{left_over, section_gone, stays};
pub use keep_mine::keep_mine;
pub use monitors::other_monitors;
pub use named::{Named, TAGS, containers_tag};
pub use passing::is_passing;

/// The node attribute that marks our guest nodes; rules find our guest nodes by it.
pub const NODE_ATTRIBUTE: &str = "lxc-autogen";

/// What our additions to the CIB need to know of the running cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The name of this cluster node, which the containers prefer.
    pub this_node: String,
    /// Names of the promotable clone's roles, as the CIB's schema has them.
    pub roles: Roles,
    /// Ids of our resources that an interrupted removal left stopped and that must run again.
    pub revive: Vec<String>,
    /// Ids of the set's primitives that are in the CIB already. Their operations stay as they are
    /// there: pcs, for one, changes an operation by another with an id of its own.
    pub there: Vec<String>,
    /// How the set's constraints name its primitives.
    pub named: Named,
    /// What is added only while nodes join; `None` when nothing joins.
    pub joining: Option<Joining>,
}

impl Cluster {
    fn discovery(&self) -> Discovery {
        match self.joining {
            Some(_) => Discovery::Joining,
            None => Discovery::Joined,
        }
    }
}

fn nvpair(set: &str, name: &str, value: impl ToString) -> El {
    El::new("nvpair")
        .attr("id", format!("{set}-{name}"))
        .attr("name", name)
        .attr("value", value)
}

fn nvpairs(kind: &str, id: &str, pairs: &[(&str, String)]) -> El {
    El::new(kind)
        .attr("id", id)
        .children(pairs.iter().map(|(name, value)| nvpair(id, name, value)))
}

/// The id of the meta attributes in which a resource's target-role is set, to stop it or start it
/// again.
fn meta_id(resource: &str) -> String {
    format!("{resource}-meta_attributes")
}

/// Which part of a set goes into the CIB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The containers, and the promotable clone too if the spec has one (`-a`, `-a -C`).
    All,
    /// The promotable clone alone (`-C`).
    Clone,
}

/// The `<configuration>` tree that adds this part of the set to the CIB.
pub fn additions(set: &Set, part: Part, cluster: &Cluster) -> El {
    if part == Part::Clone {
        return El::new("configuration")
            .child(El::new("resources").child(clone(set, cluster)))
            .child(El::new("constraints").child(clone_on_guests(set)));
    }
    let guests = set.guests();
    let mut all = El::new("configuration")
        .child(El::new("nodes").children(guests.iter().map(|g| node(set, g))));
    let mut resources = El::new("resources")
        .child(marker(set, cluster))
        .children(guests.iter().map(|g| primitive(set, g, cluster)));
    let mut constraints = El::new("constraints").children(of_containers(
        set,
        cluster.named,
        &cluster.this_node,
        cluster.discovery(),
    ));
    if let Some(joining) = &cluster.joining {
        constraints = constraints.children(joining.constraints(set, &cluster.there));
        all = all.children(joining.easing.defaults());
    }
    if set.spec.clone {
        resources = resources.child(clone(set, cluster));
        constraints = constraints.child(clone_on_guests(set));
    }
    all.child(resources)
        .children(cluster.named.section(set))
        .child(constraints)
}

/// Tells whose the set is, by its description. No primitive is made from it: pcs (0.11, 0.12) reads
/// neither templates nor what is made from them. It has the type Dummy, because Pacemaker's scheduler
/// takes a template of type remote for a remote node.
fn marker(set: &Set, cluster: &Cluster) -> El {
    let tag = set.tag();
    let description = description(&cluster.this_node, &set.state_dir, &set.mark());
    let easing = cluster.joining.iter().map(|j| j.easing.mark());
    El::new("template")
        .attr("id", &tag)
        .attr("class", "ocf")
        .attr("provider", "pacemaker")
        .attr("type", "Dummy")
        .attr("description", description)
        .children(easing)
}

fn op(resource: &str, name: &str, interval: &str, timeout: &str) -> El {
    El::new("op")
        .attr("id", format!("{resource}-{name}-{interval}"))
        .attr("name", name)
        .attr("interval", interval)
        .attr("timeout", timeout)
}

fn primitive(set: &Set, guest: &Machine, cluster: &Cluster) -> El {
    match set.spec.kind {
        NodeKind::Guest => container::primitive(set, guest, cluster),
        NodeKind::Remote => remote::primitive(set, guest, cluster),
    }
}

/// The primitive of a container alone, for the file that is kept beside the domain XML.
pub fn primitive_of(set: &Set, guest: &Machine) -> El {
    let cluster = Cluster {
        this_node: String::new(),
        roles: Roles::of_schema(""),
        revive: Vec::new(),
        there: Vec::new(),
        named: Named::Tag,
        joining: None,
    };
    primitive(set, guest, &cluster)
}

/// The `<node>` entry of a container, as crm_attribute makes one, with our node attribute, which
/// rules look for.
fn node(set: &Set, guest: &Machine) -> El {
    let mark = [(NODE_ATTRIBUTE, set.spec.prefix.to_string())];
    El::new("node")
        .attr("id", &guest.name)
        .attr("uname", &guest.name)
        .attr("type", "remote")
        .child(nvpairs(
            "instance_attributes",
            &format!("nodes-{}", guest.name),
            &mark,
        ))
}

fn clone(set: &Set, cluster: &Cluster) -> El {
    let (id, inner) = (clone_id(set), clone_primitive_id(set));
    let meta = [
        ("promotable", "true".to_owned()),
        ("promoted-max", "1".to_owned()),
        ("clone-max", set.spec.count().to_string()),
    ];
    let back = cluster.revive.contains(&id).then(|| stop::back(&id));
    let back = back.into_iter().flatten();
    let monitor =
        |interval: &str, role: &str| op(&inner, "monitor", interval, "20s").attr("role", role);
    El::new("clone")
        .attr("id", &id)
        .child(nvpairs("meta_attributes", &meta_id(&id), &meta).children(back))
        .child(
            El::new("primitive")
                .attr("id", &inner)
                .attr("class", "ocf")
                .attr("provider", "pacemaker")
                .attr("type", "Stateful")
                .child(
                    El::new("operations")
                        .child(monitor("10s", cluster.roles.promoted))
                        .child(monitor("11s", cluster.roles.unpromoted)),
                ),
        )
}

#[cfg(test)]
mod tests;
