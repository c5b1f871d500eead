# shellcheck shell=bash
# A Debian release as its users have it, in a virtual machine: systemd, cgroup v2,
# machined, libvirt and the cluster started by systemctl. Emulated by QEMU (TCG), so
# that it needs nothing of the kernel. Sourced after roots.sh.

VM_PARTS=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

# vm_image RELEASE: the path of its directory with kernel, initrd and disk, made once.
vm_image() {
  local release=$1 image=target/roots/vm-$1 part mirror
  if [[ ! -e $image/disk ]]; then
    install_missing roots vms
    say "making a virtual machine's disk of Debian $release"
    part=$image.part
    rm -rf "$part"
    mkdir -p "$part"
    mirror=$(debian_mirror Debian)
    # What the packages under test depend on is there already, as installing it takes
    # minutes when it is emulated; they themselves are installed in the machine.
    mmdebstrap --quiet --variant=apt --include="$(vm_packages)" "$release" "$part/root" \
      ${mirror:+"$mirror"} >&2 ||
      die 3 "could not make a root of Debian $release" "see the error above; is the network reachable?"
    vm_furnish "$part/root"
    cp "$part"/root/boot/vmlinuz-* "$part/kernel"
    cp "$part"/root/boot/initrd.img-* "$part/initrd"
    truncate -s 6G "$part/disk"
    mke2fs -q -t ext4 -d "$part/root" "$part/disk"
    rm -rf "$part/root"
    mv "$part" "$image"
  fi
  echo "$image"
}

# vm_furnish ROOT: a name, a network to fetch packages over, no cluster yet, and our
# check as a service.
vm_furnish() {
  local root=$1
  rm -rf "$root"/var/cache/apt/archives/*.deb
  echo machine >"$root/etc/hostname"
  printf '127.0.0.1 localhost\n127.0.1.1 machine\n' >"$root/etc/hosts"
  printf '[Match]\nName=en* eth*\n[Network]\nDHCP=ipv4\n' >"$root/etc/systemd/network/80-machine.network"
  # QEMU's.
  rm -f "$root/etc/resolv.conf"
  echo nameserver 10.0.2.3 >"$root/etc/resolv.conf"
  install -m 644 "$VM_PARTS/vm-check.service" "$root/etc/systemd/system/"
  chroot "$root" systemctl --quiet disable corosync pacemaker
  chroot "$root" systemctl --quiet enable systemd-networkd vm-check
  # What it says is the console's.
  chroot "$root" systemctl --quiet mask serial-getty@ttyS0
}

vm_packages() {
  {
    packages apt run cluster share world tests
    printf '%s\n' systemd systemd-sysv udev dbus systemd-container linux-image-cloud-amd64
  } | sort -u | paste -sd ,
}

# try_vm RELEASE: boots it, with the packages on a disk of their own, and
# shows what its check says; until that has switched it off, or for VM_TIMEOUT seconds.
# VM_CHECK is another check, to try things by hand. In a subshell: its trap is its own.
try_vm() {
  local release=$1 packages=target/package/$1 image scratch status=0
  image=$(vm_image "$release")
  scratch=$(mktemp -d /var/tmp/lxc-autogen-vm.XXXXXX)
  # shellcheck disable=SC2064 # as it is now
  trap "rm -rf '$scratch'" EXIT
  mkdir "$scratch/files"
  cp "$packages"/lxc-autogen_*.deb "$packages"/lxc-autogen-tests_*.deb "${VM_CHECK:-$VM_PARTS/vm-check}" \
    "$VM_PARTS/common.sh" "$scratch/files/"
  truncate -s 512M "$scratch/disk2"
  mke2fs -q -t ext4 -L files -d "$scratch/files" "$scratch/disk2"
  cp --sparse=always "$image/disk" "$scratch/disk"
  timeout --kill-after=10 "${VM_TIMEOUT:-2400}" qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m 3072 \
    -nographic -nodefaults -serial stdio -monitor none -nic user,model=virtio-net-pci \
    -kernel "$image/kernel" -initrd "$image/initrd" \
    -append "root=/dev/vda rw console=ttyS0 quiet systemd.show_status=false" \
    -drive "file=$scratch/disk,format=raw,if=virtio,cache=unsafe" \
    -drive "file=$scratch/disk2,format=raw,if=virtio" </dev/null |
    stdbuf -oL tr -d '\r' | tee "$scratch/said" || status=$?
  [[ $status -eq 0 ]] && grep -qx 'vm-check: all is well' "$scratch/said" || status=1
  return "$status"
}
