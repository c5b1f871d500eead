use super::*;
use crate::plan::tests::sample;

fn said(choice: &Choice, goal: Goal, present: &Present<'_>) -> Vec<String> {
    let steps = Steps::of(choice, goal, present);
    steps.all().iter().map(Step::to_string).collect()
}

#[test]
fn from_nothing_to_two_nodes_online() {
    let choice = Choice {
        set: sample(2),
        fetch: Some("2.1.5".to_owned()),
    };
    assert_eq!(
        said(&choice, Goal::Online, &Present::default()),
        [
            "make /var/lib/lxc-autogen (0700)",
            "make /etc/pacemaker/authkey (0640 root:haclient)",
            "fetch pacemaker-remote 2.1.5 and unpack it, not install it",
            "make the files of 2 containers, bind the key's directory",
            "define and start network lxc-autogen on 192.168.123.0/24, autostarted",
            "add 2 guest nodes to the CIB, in one change",
            "wait until all of them are online",
        ]
    );
}

#[test]
fn virtual_machines_boot_what_is_made_before_their_files() {
    let mut set = sample(1);
    set.spec.vms = Some(crate::spec::Vms::default());
    set.spec.authkey = Authkey::Copy;
    set.former.memory_mib = vec![128];
    let choice = Choice { set, fetch: None };
    let present = Present {
        has_key: true,
        ..Present::default()
    };
    let said = said(&choice, Goal::Online, &present);
    assert_eq!(
        said[1..3],
        [
            "make what virtual machines boot (kernel cloud, an image of /usr), and have virtlogd run",
            "make the files of 1 virtual machine, copy the key",
        ]
    );
    assert_eq!(
        said.last().unwrap(),
        "change memory to 196 MiB from the next start of each on"
    );
}

#[test]
fn a_smaller_set_loses_the_last_ones_and_makes_no_files() {
    let (choice, before) = (
        Choice {
            set: sample(3),
            fetch: None,
        },
        sample(5),
    );
    let present = Present {
        before: Some(&before),
        has_key: true,
        containers: 3,
    };
    assert_eq!(
        said(&choice, Goal::Files(None), &present),
        [
            "stop lxc4, lxc5, take them out of the cluster, and remove them",
            "keep what there is of 3 containers",
            "define and start network lxc-autogen on 192.168.123.0/24, autostarted",
        ]
    );
    let one = Step::Remove(vec!["lxc4".into()]);
    assert_eq!(
        one.to_string(),
        "stop lxc4, take it out of the cluster, and remove it"
    );
}

#[test]
fn a_part_is_added_and_nothing_made() {
    let choice = Choice {
        set: sample(3),
        fetch: None,
    };
    let steps = Steps::of(&choice, Goal::Added(Part::Clone), &Present::default());
    assert_eq!(steps.all(), [Step::Clone]);
    assert_eq!(steps.of_phase(Phase::Making).count(), 0);
}
