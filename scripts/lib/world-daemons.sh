# shellcheck shell=bash
# libvirtd, corosync and Pacemaker inside a world. Sourced by world-init.

# start NAME COMMAND…: in the background, with nothing of the caller's: its
# stdin and stdout are the command's that the world was made for.
start() {
  local name=$1
  shift
  "$@" </dev/null >"/var/log/$name.out" 2>&1 &
}

# until_true SECONDS COMMAND…
until_true() {
  local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
  shift
  until "$@" >/dev/null 2>&1; do
    ((${EPOCHREALTIME/[.,]/} < end)) || return 1
    sleep 0.05
  done
}

# give_up WHAT MEND LOG…
give_up() {
  local what=$1 mend=$2 log
  shift 2
  for log in "$@"; do
    if [[ -s $log ]]; then
      say "--- the end of $log:"
      tail -n 25 "$log" >&2
    fi
  done
  die 3 "$what" "$mend"
}

# ---------------------------------------------------------------- libvirt

# None of the host's networks, domains or storage; no polkit, for which a
# system bus would be needed; root is the only one in here.
configure_libvirt() {
  rm -rf /etc/libvirt
  # As Debian's libvirt-daemon-config-network leaves it, without its network.
  install -d -m 755 /etc/libvirt{,/qemu,/qemu/networks,/qemu/networks/autostart}
  install -d -m 755 /var/lib/libvirt
  install -d -m 711 /var/lib/libvirt/{boot,images} /var/cache/libvirt
  install -d -m 755 /var/log/libvirt
  cat >/etc/libvirt/libvirtd.conf <<'END'
auth_unix_ro = "none"
auth_unix_rw = "none"
log_filters = "1:lxc.lxc_conf 3:object 3:event"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
END
}

# Where a distribution has dropped libvirtd, its parts are daemons of their
# own. UNTRIED: Debian 12 has libvirtd.
start_libvirt() {
  local daemon
  if have libvirtd; then
    start libvirtd libvirtd
    return
  fi
  for daemon in virtlogd virtnetworkd virtlxcd; do
    have "$daemon" || die 3 "neither libvirtd nor $daemon is installed" "scripts/test or scripts/demo installs it"
    start "$daemon" "$daemon"
  done
}

libvirt_answers() {
  [[ -S /run/libvirt/libvirt-sock || -S /run/libvirt/virtlxcd-sock ]] &&
    virsh -q -c lxc:/// list
}

await_libvirt() {
  until_true 20 libvirt_answers ||
    give_up "libvirtd does not answer for lxc:///" \
      "is libvirt-daemon-driver-lxc installed?" /var/log/libvirtd.out /var/log/libvirt/libvirtd.log
}

# ---------------------------------------------------------------- cluster

# A node of one, reached over loopback: nothing to encrypt. Without real-time
# priority, which several worlds on few cores would fight over.
configure_corosync() {
  rm -rf /etc/corosync/authkey
  install -d -m 755 /etc/corosync /var/lib/corosync /var/log/corosync
  cat >/etc/corosync/corosync.conf <<END
totem {
  version: 2
  cluster_name: world
  transport: knet
  crypto_cipher: none
  crypto_hash: none
}
nodelist {
  node {
    ring0_addr: 127.0.0.1
    name: $NODE
    nodeid: 1
  }
}
quorum {
  provider: corosync_votequorum
  expected_votes: 1
}
system {
  sched_rr: no
  move_to_root_cgroup: no
}
logging {
  to_stderr: no
  to_syslog: no
  to_logfile: yes
  logfile: /var/log/corosync/corosync.log
  timestamp: on
}
END
}

# The schema is the installed version's newest, as a first start would choose.
# Election: a lone node waits dc-deadtime (20 s by default) for others.
first_cib() {
  local head
  head=$(cibadmin --empty | grep -o '<cib [^>]*>')
  cat <<END
$head
  <configuration>
    <crm_config>
      <cluster_property_set id="cib-bootstrap-options">
        <nvpair id="world-stonith-enabled" name="stonith-enabled" value="false"/>
        <nvpair id="world-no-quorum-policy" name="no-quorum-policy" value="ignore"/>
        <nvpair id="world-dc-deadtime" name="dc-deadtime" value="100ms"/>
      </cluster_property_set>
    </crm_config>
    <nodes/>
    <resources/>
    <constraints/>
  </configuration>
  <status/>
</cib>
END
}

configure_pacemaker() {
  local directory
  # No authkey: the tool under test makes it.
  rm -rf /etc/pacemaker
  install -d -m 750 -g haclient /etc/pacemaker
  install -d -m 755 /var/lib/pacemaker
  for directory in cib pengine cores blackbox; do
    install -d -m 750 -o hacluster -g haclient "/var/lib/pacemaker/$directory"
  done
  install -d -m 770 -o hacluster -g haclient /var/log/pacemaker
  first_cib >/var/lib/pacemaker/cib/cib.xml
  chown hacluster:haclient /var/lib/pacemaker/cib/cib.xml
  chmod 600 /var/lib/pacemaker/cib/cib.xml
}

# Also for a world without daemons: nothing of the host's is to be seen in it.
configure() {
  configure_libvirt
  if have cibadmin && getent group haclient >/dev/null; then
    configure_corosync
    configure_pacemaker
  fi
}

start_cluster() {
  start corosync corosync -f
  until_true 10 corosync-cmapctl -g runtime.votequorum.this_node_id ||
    give_up "corosync does not start" "see its log above" \
      /var/log/corosync.out /var/log/corosync/corosync.log
  PCMK_logfile=/var/log/pacemaker/pacemaker.log start pacemakerd pacemakerd
}

cluster_is_up() {
  local status
  status=$(crm_mon --output-as=xml) &&
    [[ $status == *'<current_dc present="true"'* ]] &&
    grep -q "<node name=\"$NODE\" .*online=\"true\".*pending=\"false\"" <<<"$status"
}

await_cluster() {
  until_true 60 cluster_is_up ||
    give_up "the cluster is not up within 60 s" "see the logs above" \
      /var/log/corosync/corosync.log /var/log/pacemakerd.out /var/log/pacemaker/pacemaker.log
}
