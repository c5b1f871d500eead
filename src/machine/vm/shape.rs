//! What a virtual machine reads from its own disk of what it is made up of.

use crate::error::{Error, Result};
use crate::libvirt::qemu::{HOST_AT, images};
use crate::plan::{Blueprint, Card, Live, Mount, USR_TAG, dir, text};
use crate::rootfs::{Entry, Owner};
use crate::spec::mac;
use crate::supervisor::switch::{self, Bind, Image, Nic, Shape, Shared};
use std::path::{Path, PathBuf};

/// Where machines see directories of this host live, each by its tag.
const LIVE_AT: &str = "/.live";

/// The file, and its directory where `before` has none.
///
/// # Errors
/// When a mount of the machine's cannot be had in a virtual machine.
pub(super) fn entries(blueprint: &Blueprint, before: &[Entry]) -> Result<Vec<Entry>> {
    let path = switch::CONFIG.trim_start_matches('/');
    let directory = "etc/lxc-autogen";
    let is_it = |entry: &Entry| matches!(entry, Entry::Dir { path, .. } if path == directory);
    let missing = !before.iter().any(is_it);
    // This cannot fail: there are strings and numbers only.
    let json = serde_json::to_string_pretty(&shape(blueprint)?).unwrap_or_default();
    let new = missing.then(|| dir(directory, 0o755, Owner::Root));
    Ok(new.into_iter().chain([text(path, json)]).collect())
}

fn shape(blueprint: &Blueprint) -> Result<Shape> {
    let layout = &blueprint.layout;
    let live = blueprint.live();
    let trees = others(&layout.trees).map(|tree| {
        let to = Path::new("/").join(tree);
        seen(&layout.base.join(tree), &to)
    });
    let mut binds: Vec<Bind> = trees.collect();
    let mut memory = Vec::new();
    for mount in &blueprint.mounts {
        match mount {
            Mount::Host {
                source,
                target,
                live: true,
                ..
            } => {
                let it = live.iter().find(|it| it.source == *source);
                binds.extend(it.map(|it| Bind {
                    from: at(it),
                    to: target.clone(),
                }));
            }
            Mount::Host {
                source,
                target,
                read_only: true,
                ..
            } => binds.push(seen(source, target)),
            Mount::Host { source, .. } => return Err(not_writable(source)),
            Mount::Memory { mib, target } => memory.push((PathBuf::from(target), *mib)),
            // It has a kernel of its own.
            Mount::NoGroups | Mount::NoSysrq => {}
        }
    }
    let image = |(serial, _, at): (&str, &str, &str)| Image {
        serial: serial.to_owned(),
        at: at.into(),
    };
    let shared = |it: &Live| Shared {
        tag: it.tag.clone(),
        at: at(it),
        read_only: it.read_only,
    };
    Ok(Shape {
        name: blueprint.machine.name.clone(),
        images: images(&blueprint.vm).map(image).collect(),
        shared: live.iter().map(shared).collect(),
        binds,
        memory,
        cards: blueprint.cards.iter().map(card).collect(),
        init: blueprint.init.clone(),
        environment: blueprint.environment.clone(),
    })
}

fn at(live: &Live) -> PathBuf {
    match live.tag == USR_TAG {
        true => "/usr".into(),
        false => Path::new(LIVE_AT).join(&live.tag),
    }
}

/// Trees besides /usr, which is an image of its own.
pub(super) fn others(trees: &[String]) -> impl Iterator<Item = &String> {
    trees.iter().filter(|tree| *tree != "usr")
}

fn seen(source: &Path, target: &Path) -> Bind {
    Bind {
        from: Path::new(HOST_AT).join(source.strip_prefix("/").unwrap_or(source)),
        to: target.to_owned(),
    }
}

fn card(card: &Card) -> Nic {
    let ipv4 = format!("{}/{}", card.address, card.prefix);
    let ipv6 = card.ipv6.map(|address| format!("{address}/64"));
    Nic {
        mac: mac(card.address),
        addresses: [ipv4].into_iter().chain(ipv6).collect(),
        gateway: card.gateway.map(|it| it.to_string()),
    }
}

fn not_writable(source: &Path) -> Error {
    Error::cant(format!(
        "a virtual machine cannot write to {} of this host",
        source.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Init;
    use crate::lab::domain::blueprint;
    use crate::lab::tests::sample;
    use crate::plan::Usr;

    #[test]
    fn a_machine_sees_of_this_host_what_a_container_sees_and_writes_to_nothing() {
        let mut lab = sample(0, 0);
        (lab.spec.cluster_vms, lab.spec.remote_vms) = (1, 1);
        (lab.spec.init, lab.spec.containers) = (Init::Own, 0);
        lab.ipv6 = Some("fd6c:1::".parse().unwrap());
        for node in lab.nodes() {
            let mut blueprint = blueprint(&lab, &node);
            let shape = shape(&blueprint).unwrap();
            assert_eq!(shape.name, node.name);
            let at: Vec<_> = shape
                .images
                .iter()
                .map(|it| it.at.display().to_string())
                .collect();
            assert_eq!(at, ["/usr", "/.modules", "/.host"]);
            let programs = shape
                .binds
                .iter()
                .find(|it| it.to == Path::new("/opt/lxc-autogen"));
            let from = "/.host/var/lib/lxc-autogen-lab-lab/bin";
            assert_eq!(programs.unwrap().from, Path::new(from));
            assert_eq!(shape.init[1..], ["node-init", "--machine"]);
            let [card] = &shape.cards[..] else {
                panic!("{:?}", shape.cards);
            };
            assert_eq!(card.addresses[0], format!("{}/24", node.address));
            assert_eq!(
                (card.addresses.len(), card.gateway.as_deref()),
                (2, Some("172.31.200.1"))
            );
            // As it is read again, in the machine.
            let json = serde_json::to_string(&shape).unwrap();
            assert_eq!(serde_json::from_str::<Shape>(&json).unwrap(), shape);

            blueprint.mounts.push(Mount::Host {
                source: "/srv/data".into(),
                target: "/data".into(),
                read_only: false,
                live: false,
            });
            let e = super::shape(&blueprint).unwrap_err();
            assert!(e.message().contains("/srv/data"), "{e}");
            blueprint.mounts.pop();

            // What people change meanwhile it sees by virtiofs, at the same places as a container.
            let (from, to) = (Path::new("/srv/data"), Path::new("/data"));
            blueprint.mounts.push(Mount::live(from, to));
            blueprint.vm.usr = Usr::Virtiofs;
            let shape = super::shape(&blueprint).unwrap();
            let shared = shape.shared.iter();
            let shared: Vec<_> = shared
                .map(|it| (it.tag.as_str(), it.at.display().to_string(), it.read_only))
                .collect();
            let at = |path: &str| path.to_owned();
            assert_eq!(
                shared,
                [
                    ("usr", at("/usr"), true),
                    ("live1", at("/.live/live1"), true)
                ]
            );
            assert_eq!(shape.binds.last().unwrap().from, Path::new("/.live/live1"));
            assert_eq!(shape.images[0].at, Path::new("/.modules"));
        }
    }
}
