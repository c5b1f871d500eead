# shellcheck shell=bash
# libvirtd and a cluster inside a world. Sourced by world-init and world.

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

# give_up STATUS WHAT MEND LOG…
give_up() {
  local status=$1 what=$2 mend=$3 log
  shift 3
  for log in "$@"; do
    if [[ -s $log ]]; then
      say "--- the end of $log:"
      tail -n 25 "$log" >&2
    fi
  done
  die "$status" "$what" "$mend"
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
    give_up 3 "libvirtd does not answer for lxc:///" \
      "is libvirt-daemon-driver-lxc installed?" /var/log/libvirtd.out /var/log/libvirt/libvirtd.log
}

# ---------------------------------------------------------------- cluster

# That this fails is no fault of the machine's: it is ours.
# The world's cluster is a lab of one node, and what a world's command is run in
# is that node: our own binary makes it.
LAB=world

start_cluster() {
  local share=(--share "$ROOT")
  # Of the host's /usr a node sees all.
  [[ $ROOT != /usr/* ]] || share=()
  if [[ -n ${WORLD_IPC_BUFFER-} ]]; then
    install -d /etc/default
    echo "PCMK_ipc_buffer=$WORLD_IPC_BUFFER" >>/etc/default/pacemaker
  fi
  "$TOOL" lab up --quiet --name "$LAB" --cluster-nodes 1 --containers 0 --fencing false \
    --memory 20000 "${share[@]}" ||
    give_up 1 "the world's cluster is not up" "see the logs above" \
      "/var/lib/lxc-autogen-lab-$LAB/$LAB-node1/rootfs/var/log/pacemaker/pacemaker.log"
  # Nobody uses the lab's key: the tool under test makes its own. And it installs
  # an agent, for which the place has to be writable.
  in_node bash -euc 'rm /etc/pacemaker/authkey
    mkdir /run/ocf
    cp -a /usr/lib/ocf/. /run/ocf
    mount --bind /run/ocf /usr/lib/ocf'
}

# in_node COMMAND…: in the world's cluster node, in this directory, and meaning
# the state directory that one means outside of labs.
in_node() {
  "$TOOL" lab exec "$LAB/node1" -- \
    env -u LXC_AUTOGEN_STATE_DIR -C "$PWD" LXC_AUTOGEN_WORLD="$LXC_AUTOGEN_WORLD" \
    RUST_BACKTRACE="${RUST_BACKTRACE-}" "$@"
}
