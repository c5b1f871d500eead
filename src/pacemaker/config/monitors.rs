//! Another interval of a set's monitors.

use crate::pacemaker::cib::Cib;
use crate::plan::Set;
use crate::xml::El;

/// The change that gives the set's interval to each of its monitors that has a former one, as long
/// as any has; and the nodes whose monitor somebody has changed. Operations keep their ids: one is
/// changed then, and not another made beside it.
pub fn other_monitors(cib: &Cib, set: &Set) -> (Option<El>, Vec<String>) {
    let text = |seconds: &u32| format!("{seconds}s");
    let former: Vec<String> = set.former.monitor_s.iter().map(text).collect();
    let wanted = text(&set.spec.monitor_s);
    let (mut changed, mut theirs) = (Vec::new(), Vec::new());
    let primitives = cib.primitives_of_set(&set.tag());
    for guest in set.guests() {
        let is_it = |e: &&&El| e.get("id") == Some(guest.resource.as_str());
        let Some(primitive) = primitives.iter().find(is_it) else {
            continue;
        };
        let all = primitive.find("operations").into_iter();
        let mut monitors = all
            .flat_map(|it| &it.children)
            .filter(|op| op.get("name") == Some("monitor"));
        let is_ours = |op: &&El| {
            op.get("id")
                .is_some_and(|id| id.starts_with(&guest.resource))
        };
        match monitors.next().filter(is_ours) {
            Some(op) if former.iter().any(|it| op.get("interval") == Some(it)) => {
                let id = op.get("id").unwrap_or_default();
                let op = El::new("op").attr("id", id).attr("name", "monitor");
                let operations = El::new("operations").child(op.attr("interval", &wanted));
                let id = &guest.resource;
                changed.push(El::new("primitive").attr("id", id).child(operations));
            }
            Some(op) if op.get("interval") == Some(&wanted) => {}
            _ => theirs.push(guest.name),
        }
    }
    let resources = (!changed.is_empty()).then(|| El::new("resources").children(changed));
    let all = resources.map(|all| El::new("configuration").child(all));
    (all, theirs)
}
