# shellcheck shell=bash
# shellcheck disable=SC2154 # what scripts/bench sets
# What scripts/bench measures of labs of virtual machines, by KVM or emulated as this machine
# has them. Sourced after timing.sh and figures.sh.

# vm_rounds N: a lab of N of them from nothing, and down again. The kernel and the image of
# /usr are there; how long the image takes, and what it is, stand in lines of their own.
vm_rounds() {
  local number=$1 ups=() downs=() begins=() kib=() round images=()
  install_missing vms
  export LXC_AUTOGEN_CACHE_DIR=$PWD/target/world/cache
  step kernel "fetching a kernel for virtual machines" "$tool" node-kernel
  for ((round = 0; round < rounds; round++)); do
    rm -f "$LXC_AUTOGEN_CACHE_DIR"/usr-*.squashfs
    images+=("$(in_new_world image_of_usr)")
    in_new_world true
    settle
    ups+=("$(took lab up --cluster-nodes 0 --cluster-vms "$number" --init own)")
    begins+=("$(begins)")
    kib+=("$(scripts/world exec "$world" -- du -k /var/lib/lxc-autogen-lab-lab/lab-vm1/disk.ext4 | cut -f 1)")
    downs+=("$(took lab down)")
  done
  row "lab up $number virtual" "${ups[@]}"
  row "  lab down of that" "${downs[@]}"
  printf '%-24s %s s after the kernel (%s)\n' "  PID 1:" "$(median "${begins[@]}")" "${begins[*]}"
  printf '%-24s %s KiB, while it runs (%s)\n' "  disk of vm1:" "$(median "${kib[@]}")" "${kib[*]}"
  printf '%-24s %s s (%s), %s MiB\n' "  image of /usr:" "$(median "${images[@]}")" "${images[*]}" \
    "$(du -m "$LXC_AUTOGEN_CACHE_DIR"/usr-*.squashfs | cut -f 1)"
}

in_new_world() {
  scripts/world stop "$world"
  scripts/world start --no-cluster "$world"
  "$@"
}

# image_of_usr: seconds, by what lab up says.
image_of_usr() {
  scripts/world exec "$world" -- "$tool" lab up --cluster-nodes 0 --cluster-vms 1 --init own 2>&1 |
    sed -n 's/^image of .usr.*(\([0-9.]*\) s)$/\1/p'
  scripts/world exec "$world" -- "$tool" --quiet lab down >&2
}

# begins: seconds from the kernel's first message until it runs /init.
begins() {
  scripts/world exec "$world" -- "$tool" lab exec vm1 -- dmesg |
    sed -n 's/^\[ *\([0-9.]*\)\] Run \/init as init process.*/\1/p'
}
