//! A database with a replica, behind an address.

use crate::Test;
use crate::lab::Lab;
use crate::services::{dies, lab_with, on_all};
use crate::world::until;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub const LONG: &[Test] = &[(
    "a_replica_takes_over_a_database",
    a_replica_takes_over_a_database,
)];

/// An address in the lab's network that no node has.
const ADDRESS: &str = "172.31.200.200";
const DATA: &str = "/var/lib/postgresql/qa";
/// Of the agent: what it notes, and its lock.
const NOTES: &str = "/var/lib/postgresql/qa-notes";

/// PostgreSQL by its agent, set up with crmsh: a primary and a replica, and a third node that asks.
fn a_replica_takes_over_a_database() {
    let Some(lab) = lab_with(&["postgresql"]) else {
        return;
    };
    let programs = lab
        .shell("node1", "ls -d /usr/lib/postgresql/*/bin")
        .exits(0);
    let programs = programs.out.trim();
    mend_the_agents(&lab);
    two_copies(&lab, programs);
    configure(&lab, programs);
    let first = primary(&lab, programs);
    let second = if first == "node1" { "node2" } else { "node1" };
    assert_eq!(lab.view("node3").runs_on("db-ip"), [lab.node(first)]);
    await_replica(&lab, programs, second);
    sql(&lab, programs, "create table rows (number int)").unwrap();
    for number in 1..=3 {
        insert(&lab, programs, number);
    }
    assert!(answers());

    // Its node dies right after a row is in, which the replica has then: it is synchronous.
    insert(&lab, programs, 4);
    dies(&lab, first, "node3");
    let now = primary(&lab, programs);
    assert_eq!(now, second);
    assert_eq!(rows(&lab, programs), "1 2 3 4");
    until("it answers this host", 10, answers);
    insert(&lab, programs, 5);

    // Where it was the primary when it died its data may be ahead of what is now: the agent has a
    // lock there, and starts it no more (ocf:heartbeat:pgsql, pgsql_replication_start).
    lab.await_online("node3", 90, "node1 node2 node3");
    until("it is refused there", 60, || {
        let view = lab.view("node3");
        let failed = view.failures.contains(&"db_start_0".to_owned());
        // The agent's stop, which follows, never ends where the data have been taken away.
        failed && view.runs_on("db") == [lab.node(second)]
    });
    lab.ok(first, &format!("test -e {NOTES}/PGSQL.lock"));
    let reason = lab.ok("node3", "crm_mon -1 --show-detail");
    assert!(reason.contains("My data may be inconsistent"), "{reason}");
    // As an administrator would: a new copy, and the lock away.
    lab.ok(first, &format!("rm -r {DATA} {NOTES}/PGSQL.lock"));
    copy(&lab, programs, first, ADDRESS);
    lab.ok(
        "node3",
        &format!("crm resource cleanup db {}", lab.node(first)),
    );
    await_replica(&lab, programs, first);
    assert_eq!(rows_of(&lab, programs, first), "1 2 3 4 5");
    lab.down();
}

/// Pacemaker 2.1.0 to 2.1.5 reads the agents' `crm_attribute -p -v -INFINITY` as option `-N FINITY`, so
/// that the database never starts; not with `-p` after it (ClusterLabs/pacemaker, pull request 3039).
fn mend_the_agents(lab: &Lab) {
    let functions = "/usr/lib/ocf/lib/heartbeat/ocf-shellfuncs";
    on_all(
        lab,
        &format!("sed -i 's/crm_attribute -p $@/crm_attribute $@ -p/' {functions}"),
    );
}

/// A new database on one node, and a copy of it on another.
fn two_copies(lab: &Lab, programs: &str) {
    as_postgres(
        lab,
        "node1",
        &format!(
            "{programs}/initdb --auth=trust {DATA} && echo \"listen_addresses = '*'\" >> {DATA}/postgresql.conf \
             && for what in all replication; do echo host $what all samenet trust; done >> {DATA}/pg_hba.conf \
             && {programs}/pg_ctl -w -l {DATA}/log -D {DATA} start"
        ),
    );
    copy(lab, programs, "node2", &lab.node("node1"));
    as_postgres(
        lab,
        "node1",
        &format!("{programs}/pg_ctl -w -D {DATA} stop"),
    );
    on_all(lab, &format!("install -d -o postgres -m 700 {NOTES}"));
}

/// A copy of what runs on a host.
#[track_caller]
fn copy(lab: &Lab, programs: &str, node: &str, from: &str) {
    as_postgres(
        lab,
        node,
        &format!("{programs}/pg_basebackup --host {from} --pgdata {DATA} --checkpoint=fast"),
    );
}

#[track_caller]
fn as_postgres(lab: &Lab, node: &str, line: &str) {
    let line = format!("cd / && runuser -u postgres -- sh -c '{}'", quoted(line));
    lab.shell(node, &line).exits(0);
}

/// For use between single quotes.
fn quoted(line: &str) -> String {
    line.replace('\'', r"'\''")
}

fn configure(lab: &Lab, programs: &str) {
    let (one, two, none) = (lab.node("node1"), lab.node("node2"), lab.node("node3"));
    let configuration = format!(
        "primitive db ocf:heartbeat:pgsql params pgctl={programs}/pg_ctl psql={programs}/psql \
         pgdata={DATA} tmpdir={NOTES} logfile={NOTES}/log rep_mode=sync node_list=\"{one} {two}\" \
         master_ip={ADDRESS} \
         op start timeout=60s op stop timeout=60s op promote timeout=60s op demote timeout=60s \
         op notify timeout=60s op monitor interval=4s timeout=30s \
         op monitor interval=3s role=Promoted timeout=30s\n\
         clone db-clone db meta promotable=true notify=true clone-max=2\n\
         primitive db-ip IPaddr2 params ip={ADDRESS} cidr_netmask=24 op monitor interval=5s\n\
         location db-on-two db-clone -inf: {none}\n\
         colocation ip-with-primary inf: db-ip db-clone:Promoted\n\
         order ip-after-promote Mandatory: db-clone:promote db-ip:start symmetrical=false\n\
         order ip-until-demote 0: db-clone:demote db-ip:stop symmetrical=false\n"
    );
    let line = format!("printf %s '{}' > /root/db.crm", quoted(&configuration));
    lab.shell("node1", &line).exits(0);
    lab.ok("node1", "crm configure load update /root/db.crm");
}

/// The node with the primary, as soon as it answers through the address.
#[track_caller]
fn primary(lab: &Lab, programs: &str) -> &'static str {
    until("it answers through its address", 90, || {
        sql(lab, programs, "select pg_is_in_recovery()").is_some_and(|said| said == "f")
    });
    let view = lab.view("node3");
    let all = view.active.get("db").into_iter().flatten();
    let mut promoted = all.filter(|place| place.role == "Promoted");
    let node = promoted.next().unwrap().nodes[0].clone();
    assert!(promoted.next().is_none(), "{:?}", view.active);
    let mut nodes = ["node1", "node2"].into_iter();
    nodes.find(|n| lab.node(n) == node).unwrap()
}

/// Waits until the primary waits for what a node has written, and the agent has noted that: without
/// its note, which it makes last of all, the node does not become the primary.
#[track_caller]
fn await_replica(lab: &Lab, programs: &str, node: &str) {
    let asked = "select application_name, state, sync_state from pg_stat_replication";
    let wanted = format!("{}|streaming|sync", lab.node(node));
    let noted = format!(
        "crm_attribute --query --quiet --lifetime reboot --node {} --name db-status",
        lab.node(node)
    );
    until(&format!("{node} is the replica"), 90, || {
        sql(lab, programs, asked).is_some_and(|said| said == wanted)
            && lab.exec("node3", &noted).out.trim() == "HS:sync"
    });
}

/// Asks through the address, from a node without a database.
fn sql(lab: &Lab, programs: &str, statement: &str) -> Option<String> {
    ask(lab, programs, ADDRESS, statement)
}

fn ask(lab: &Lab, programs: &str, host: &str, statement: &str) -> Option<String> {
    let psql = "psql --username postgres --no-align --tuples-only --quiet";
    let line = format!(
        "PGCONNECT_TIMEOUT=3 timeout 10 {programs}/{psql} --host {host} --command '{statement}'"
    );
    let said = lab.shell("node3", &line);
    (said.code == 0).then(|| said.out.trim().to_owned())
}

#[track_caller]
fn insert(lab: &Lab, programs: &str, number: u32) {
    sql(
        lab,
        programs,
        &format!("insert into rows values ({number})"),
    )
    .unwrap();
}

fn rows(lab: &Lab, programs: &str) -> String {
    rows_at(lab, programs, ADDRESS)
}

/// What a node's own copy has.
fn rows_of(lab: &Lab, programs: &str, node: &str) -> String {
    rows_at(lab, programs, &lab.node(node))
}

#[track_caller]
fn rows_at(lab: &Lab, programs: &str, host: &str) -> String {
    let all = ask(
        lab,
        programs,
        host,
        "select number from rows order by number",
    );
    all.unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether PostgreSQL answers this host through the address: it says yes or no to an SSLRequest
/// (PostgreSQL's documentation, 55.2.10 and 55.7).
fn answers() -> bool {
    let address = SocketAddr::new(ADDRESS.parse().unwrap(), 5432);
    let ask = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(&[8_u32.to_be_bytes(), 80_877_103_u32.to_be_bytes()].concat())?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        Ok(answer[0])
    };
    ask().is_ok_and(|answer| matches!(answer, b'S' | b'N'))
}
