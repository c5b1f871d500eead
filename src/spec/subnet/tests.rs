use super::*;
use std::collections::HashSet;

fn parse(text: &str, containers: u32) -> Subnet {
    Subnet::parse(text, containers).unwrap()
}

#[test]
fn the_original_addresses() {
    let s = parse("192.168.123.7", 2);
    assert_eq!(
        (s.host().to_string(), s.to_string()),
        ("192.168.123.1".to_owned(), "192.168.123.0/24".to_owned())
    );
    let first: Vec<String> = s.addresses().take(2).map(|a| a.to_string()).collect();
    assert_eq!(first, ["192.168.123.11", "192.168.123.12"]);
}

#[test]
fn container_245_gets_an_address_of_its_own() {
    let s = parse("192.168.123.1", 245);
    assert_eq!(s.prefix(), 23);
    let addresses: Vec<Ipv4Addr> = s.addresses().take(245).collect();
    assert_eq!(addresses[0].to_string(), "192.168.123.11");
    assert_eq!(addresses[243].to_string(), "192.168.123.254");
    assert_eq!(addresses[244].to_string(), "192.168.122.1");
}

#[test]
fn sixty_thousand_valid_distinct_addresses() {
    let s = parse("192.168.123.1", 60_000);
    assert_eq!(s.to_string(), "192.168.0.0/16");
    let all: HashSet<Ipv4Addr> = s.addresses().take(60_000).collect();
    assert_eq!(all.len(), 60_000);
    assert!(
        all.iter()
            .all(|a| { s.overlaps(*a, 32) && *a != s.host() && !matches!(a.octets()[3], 0 | 255) })
    );
}

#[test]
fn a_given_prefix_keeps_the_address_given() {
    assert_eq!(parse("10.1.2.3/16", 5).host().to_string(), "10.1.2.3");
    assert_eq!(parse("10.1.0.0/16", 5).host().to_string(), "10.1.0.1");
    assert_eq!(parse("10.1.0.1/28", 3).capacity(), 4);
}

#[test]
fn what_cannot_be_is_refused() {
    for bad in [
        "",
        "1.2.3",
        "300.1.1.1",
        "127.0.0.1",
        "224.0.0.1",
        "169.254.1.1",
        "0.1.2.3",
        "250.0.0.1",
        "10.0.0.1/31",
        "10.0.0.1/7",
        "10.0.0.1/x",
        "10.0.0.1/28/3",
        "10.0.0.255/24",
    ] {
        assert!(Subnet::parse(bad, 2).is_err(), "{bad}");
    }
    let e = Subnet::parse("10.0.0.1/28", 5).unwrap_err();
    assert!(e.message().contains("holds 4 containers, not 5"), "{e}");
}

#[test]
fn overlap_is_seen_both_ways() {
    let s = parse("192.168.123.1", 2);
    assert!(s.overlaps(Ipv4Addr::new(192, 168, 0, 0), 16));
    assert!(s.overlaps(Ipv4Addr::new(192, 168, 123, 128), 25));
    assert!(!s.overlaps(Ipv4Addr::new(192, 168, 122, 0), 24));
    assert_eq!(s.next().to_string(), "192.168.124.0/24");
}

#[test]
fn it_is_written_as_the_hosts_address_and_a_prefix() {
    let written = r#"{"host":"10.1.2.3","prefix":16}"#;
    let subnet: Subnet = serde_json::from_str(written).unwrap();
    assert_eq!(subnet, parse("10.1.2.3/16", 5));
    assert_eq!(serde_json::to_string(&subnet).unwrap(), written);
    assert!(serde_json::from_str::<Subnet>(&written.replace("16", "33")).is_err());
}

#[test]
fn a_text_means_a_subnet_or_another() {
    let large = Subnet::parse("10.40.0.1/16", 2).unwrap();
    for (text, means) in [
        ("10.40.0.1/16", true),
        ("10.40.0.0/16", true),
        ("10.40.0.9", true),
        ("10.40.0.1/24", false),
        ("10.40.1.1", false),
    ] {
        assert_eq!(large.is_meant_by(text).unwrap(), means, "{text}");
    }
}
