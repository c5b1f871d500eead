# shellcheck shell=bash
# Proof that nothing is left: what there is, written down before and compared
# after. Sourced by scripts/world (after world-cgroups.sh), never run.
#
# Two kinds: of the machine, what a world could have changed on it; and of a
# world's inside, what lxc-autogen could have changed there.

# files FIND-ARGUMENT…: type, mode, owner, content of every file. No times or
# inodes: a file written back as it was is as it was.
files() {
  find "$@" -printf '%y %m %U:%G %p %l\n' 2>/dev/null | sort -k 4 || true
  find "$@" -type f -print0 2>/dev/null | sort -z | xargs -0 -r sha256sum 2>/dev/null || true
}

network() {
  ip -br link | awk '{print "link", $1, $3}'
  ip -o addr | awk '{print "address", $2, $4}'
  ip route show table all
  ip -6 route show table all
  ip rule
  # Starting a libvirt network switches forwarding on, and may add chains.
  grep -H . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding
  grep -H . /proc/sys/net/ipv4/conf/*/{forwarding,accept_redirects}
  firewall
}

# Without its counters, which move by themselves.
firewall() {
  local save
  for save in iptables-save ip6tables-save; do
    if have "$save"; then
      "$save" 2>/dev/null
    fi
  done | grep -v '^#' | sed 's/ \[[0-9]*:[0-9]*\]$//' || true
  # A bridge's, which tests of partitions filter by. What has never been used has no tables; what has
  # only empty chains in them does nothing.
  if have ebtables-save; then
    ebtables-save 2>/dev/null | grep '^-A' || true
  fi
  if have nft; then
    nft list ruleset 2>/dev/null | sed -E 's/packets [0-9]+ bytes [0-9]+//' || true
  fi
}

mounts() {
  cut -d ' ' -f 4- /proc/self/mountinfo
}

# Groups without a process. Those with one are some other program's, or a
# world's that is in use; what a world leaves behind is empty.
empty_groups() {
  local mounted group
  while IFS=$'\t' read -r _ mounted _; do
    while read -r group; do
      [[ $group == */"$WORLD_GROUP"-* ]] && world_lives "$group" && continue
      [[ -n $(<"$group/cgroup.procs") ]] || echo "cgroup $group"
    done < <(find "$mounted" -mindepth 1 -type d 2>/dev/null | sort)
  done 2>/dev/null < <(hierarchies)
}

world_lives() {
  local name pid started
  name=${1#*/"$WORLD_GROUP-"}
  IFS=- read -r pid started <<<"${name%%/*}"
  is_alive "$pid" "$started"
}

# Our own pid namespace's only: another world's are none of our business.
daemons() {
  local process here
  here=$(readlink /proc/self/ns/pid)
  for process in /proc/[0-9]*; do
    [[ $(readlink "$process/ns/pid" 2>/dev/null) == "$here" ]] || continue
    cat "$process/comm" 2>/dev/null || true
  done | grep -E '^(libvirt|virt|corosync|pacemaker|fence_|dnsmasq)' | sort | sed 's/^/process /' || true
}

host_snapshot() {
  network
  mounts
  empty_groups
  daemons
  files /etc/{libvirt,corosync,pacemaker,hosts} /var/{lib,log}/{libvirt,pacemaker,corosync} \
    /var/lib/lxc-autogen /var/cache/libvirt /usr/lib/ocf/resource.d \
    /run/{libvirt,crm,corosync,pacemaker,resource-agents,lxc-autogen}
  files /run /dev/shm -maxdepth 1
}

# The cluster's own history (old CIBs, scheduler inputs, logs) grows with every
# transition, and nobody would want it taken away.
inside_snapshot() {
  network
  mounts
  empty_groups
  daemons
  virsh -c lxc:/// list --all --name | sed 's/^/domain /'
  virsh -c lxc:/// net-list --all --name | sed 's/^/network /'
  # In a world for labs no cluster runs.
  if crm_node --name >/dev/null 2>&1; then
    cibadmin --query --scope configuration
    crm_node --list
  fi
  # In a lab's node its PID 1 says under /run how its daemons are.
  files /etc /run /var/cache/libvirt /var/log/libvirt/lxc /usr/lib/ocf/resource.d |
    grep -v ' /run/lxc-autogen/daemons.json$' || true
  # What corosync counts up, too.
  files /var/lib \( -path /var/lib/pacemaker/cib -o -path /var/lib/pacemaker/pengine -o \
    -path '/var/lib/corosync/ringid_*' \) -prune -o
}

snapshot() {
  if [[ ${1-} == --inside ]]; then
    inside_snapshot
  else
    host_snapshot
  fi
}

proof_arguments() {
  inside=
  if [[ ${1-} == --inside ]]; then
    inside=--inside
    shift
  fi
  [[ $# -eq 1 ]] || wrong_usage "a proof needs one FILE"
  need_root
  file=$1
}

proof_before() {
  proof_arguments "$@"
  # Else what an earlier, killed world left would vanish meanwhile.
  [[ -n $inside ]] || clear_left_over
  snapshot $inside >"$file"
}

proof_after() {
  proof_arguments "$@"
  snapshot $inside >"$file.after"
  if cmp --quiet "$file" "$file.after"; then
    rm -f "$file.after"
    return
  fi
  diff --unified=0 "$file" "$file.after" | grep -v '^@@' || true
  return 1
}
