use super::*;

#[test]
fn names_that_can_and_cannot_be() {
    for good in ["lab", "a", "qa-2", "elevenchars"] {
        assert!(valid_name(good).is_ok(), "{good}");
    }
    for bad in ["", "Lab", "1a", "a_b", "a/b", "lab-", "twelve-chars"] {
        assert!(valid_name(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn numbers_out_of_bounds_are_usage_errors() {
    for spec in [
        LabSpec {
            cluster_nodes: 0,
            ..LabSpec::default()
        },
        LabSpec {
            cluster_nodes: 33,
            ..LabSpec::default()
        },
        LabSpec {
            links: 0,
            ..LabSpec::default()
        },
        LabSpec {
            links: 3,
            ..LabSpec::default()
        },
        LabSpec {
            memory_mib: 1,
            ..LabSpec::default()
        },
    ] {
        assert_eq!(spec.check().unwrap_err().kind, crate::error::Kind::Usage);
    }
    LabSpec::default().check().unwrap();
}

#[test]
fn a_subnet_that_is_too_small_says_what_is_needed() {
    let wants = |cluster_nodes, remote_nodes, subnet| {
        let spec = LabSpec {
            cluster_nodes,
            remote_nodes,
            subnet: Some(Subnet::parse(subnet, 0).unwrap()),
            ..LabSpec::default()
        };
        spec.check().map_err(|e| e.message().to_owned())
    };
    assert_eq!(
        wants(20, 0, "10.9.0.1/29").unwrap_err(),
        "10.9.0.0/29 has no addresses for nodes, and 20 are needed for 20 nodes: the first \
         has .11"
    );
    let said = wants(3, 300, "10.9.0.1/24").unwrap_err();
    assert!(
        said.contains("244 addresses") && said.contains("340 are needed"),
        "{said}"
    );
    assert!(said.contains("begin with .51"), "{said}");
    wants(3, 200, "10.9.0.1/24").unwrap();
}
