use super::*;
use crate::lab::tests::sample;

fn told(lab: Lab, present: &Present) -> Vec<String> {
    let fetch = None;
    let steps = Steps::of(&Choice { lab, fetch }, present).unwrap();
    steps.all().iter().map(Step::to_string).collect()
}

#[test]
fn a_new_lab_is_made_and_one_that_is_there_is_changed() {
    let directory = tempfile::tempdir().unwrap();
    let mut lab = sample(2, 1);
    lab.dir = directory.path().to_owned();
    lab.spec.hosts = true;
    let new = told(lab.clone(), &Present::default());
    assert!(new[0].starts_with("make /"), "{new:?}");
    assert_eq!(
        new[1..5],
        [
            "make the files of lab-node1, lab-node2, lab-remote1",
            "define and start network lab-lab on 172.31.200.0/24, autostarted",
            "have 3 lines in /etc/hosts, marked",
            "have fence_virtd run for 3 nodes",
        ]
    );
    assert_eq!(new[new.len() - 1], "have 2 guest nodes online");
    lab.spec.qnetd = true;
    let with_device = told(lab.clone(), &Present::default()).join("\n");
    let order = "wait until all cluster nodes are online\n\
                 wait until the vote of lab-qnetd counts in all cluster nodes\n\
                 wait until all cluster and remote nodes are online";
    assert!(with_device.contains(order), "{with_device}");
    lab.spec.qnetd = false;
    for node in lab.nodes() {
        let path = make::domain_xml(&lab, &node);
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    lab.spec.hosts = false;
    let present = Present {
        memory: false,
        lab: true,
        gone: vec!["lab-node3".into()],
        names: true,
        unfenced: true,
    };
    let changed = told(lab, &present);
    assert_eq!(
        changed[0],
        "keep the files of its nodes, with this lxc-autogen in them"
    );
    for step in [
        "take the names of its nodes out of /etc/hosts",
        "switch fencing on again",
        "take lab-node3 out of the cluster, remove them, and tell the other nodes",
    ] {
        assert!(changed.iter().any(|s| s == step), "{changed:?}");
    }
}
