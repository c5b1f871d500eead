# shellcheck shell=bash
# What a world sees of the file system: the host's, with private copies where
# libvirt, corosync, Pacemaker and the tool write. Sourced by world-init.
#
# All private files are on one tmpfs, mounted inside the world's own mount
# namespace: when the last process has died the kernel drops it.

# copy_over PATH: a private, writable copy in place of PATH, owners and modes
# kept. Does nothing where there is no PATH.
copy_over() {
  [[ -d $1 ]] || return 0
  mkdir -p "$PRIVATE${1%/*}"
  cp -a --reflink=never "$1" "$PRIVATE${1%/*}/"
  mount --bind "$PRIVATE$1" "$1"
}

# empty_over PATH: an empty directory in place of PATH.
empty_over() {
  mkdir -p "$PRIVATE$1"
  mount --bind "$PRIVATE$1" "$1"
}

# shadow PATH NAME…: a writable PATH in which everything is the host's, read
# only, but for the NAMEs, which are not there yet. A bind mount on each NAME
# would need the host to have it as a mount point, and would make it a thing
# that `rmdir` cannot remove.
shadow() {
  local path=$1 host=$PRIVATE/host$1 entry
  shift
  mkdir -p "$host" "$PRIVATE$path"
  mount --rbind "$path" "$host"
  mount -o remount,bind,ro "$host"
  for entry in "$host"/*; do
    if [[ -e $entry && " $* " != *" ${entry##*/} "* ]]; then
      ln -s "$entry" "$PRIVATE$path/"
    fi
  done
  mount --bind "$PRIVATE$path" "$path"
}

# off PATH: what is mounted there and below, so that it does not shine through
# in /proc/mounts: libvirt believes what it reads there.
off() {
  while mountpoint -q "$1"; do
    umount --recursive --lazy "$1"
  done
}

# The kernel's own file systems, as seen from the world's namespaces.
kernel_file_systems() {
  local groups
  groups=$(hierarchies | cut -f 1)
  off /sys
  # Of the world's own network namespace: libvirt sets up bridges through it.
  mount -t sysfs sysfs /sys
  off /proc
  mount -t proc proc /proc
  # A panicking Pacemaker writes `b` there: that would reboot the real machine.
  if [[ -e /proc/sysrq-trigger ]]; then
    mount --bind /dev/null /proc/sysrq-trigger
  fi
  mount_groups "$groups"
}

make_run() {
  off /run
  mount -t tmpfs -o mode=755 tmpfs /run
  install -d -m 1777 /run/lock
  install -d -m 1755 /run/resource-agents
  install -d -m 755 /run/user
}

# hosts_entry and /etc/hostname: what `uname -n` says must resolve to itself.
name_the_node() {
  hostname "$NODE"
  echo "$NODE" >/etc/hostname
  # As a real file that can be renamed over, also where it was a mount point.
  printf '127.0.0.1 %s\n' "$NODE" >>/etc/hosts
}

mount_world() {
  PRIVATE=$WORLD/fs
  mkdir -p "$PRIVATE"
  mount -t tmpfs -o mode=755 tmpfs "$PRIVATE"
  kernel_file_systems
  copy_over /etc
  copy_over /usr/lib/ocf
  shadow /var/lib libvirt pacemaker corosync lxc-autogen
  shadow /var/cache libvirt
  empty_over /var/log
  make_run
  off /dev/shm
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm
  name_the_node
  ip link set lo up
}

# enter_root DIR: makes DIR the root, with the kernel's file systems and the paths in
# BINDS. The network is the machine's.
enter_root() {
  local root=$1 groups path
  groups=$(hierarchies | cut -f 1)
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"
  if [[ -e $root/proc/sysrq-trigger ]]; then
    mount --bind /dev/null "$root/proc/sysrq-trigger"
  fi
  mount --rbind /dev "$root/dev"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
  mount -t tmpfs -o mode=755 tmpfs "$root/run"
  mkdir "$root/run/lock"
  cp /etc/resolv.conf "$root/etc/"
  while read -r path; do
    [[ -n $path ]] || continue
    if [[ -d $path ]]; then mkdir -p "$root$path"; else install -D /dev/null "$root$path"; fi
    mount --rbind "$path" "$root$path"
  done <<<"$BINDS"
  touch "$WORLD/ready"
  mount -t sysfs sysfs "$root/sys" 2>/dev/null || mount --rbind /sys "$root/sys"
  hostname "${root##*/}"
  cd "$root" || die 3 "cannot enter $root" "see above"
  pivot_root . .
  umount --lazy .
  cd /
  # Of the root's own programs from here on.
  hash -r
  mount_groups "$groups"
}
