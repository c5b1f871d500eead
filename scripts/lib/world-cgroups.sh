# shellcheck shell=bash
# The cgroups of a private world. Sourced, never run.
#
# libvirt makes groups for its containers, and so does what runs inside them;
# when a world is killed nobody takes those away. So a world gets one group of
# its own in every hierarchy and is shut in there by a cgroup namespace:
# whatever it makes is below that group, and removing it is the whole clean-up.
#
# The group lies below the one we are in already, so that limits set for us
# hold for the world too. Its name says which process owns it, by pid and start
# time (a pid alone comes round again): a group whose owner is gone is left
# over and may be removed by anyone, all others are somebody's live world.

WORLD_GROUP=lxc-autogen-world

# start_time PID: in ticks since boot; fails when there is no such process, or
# only a zombie (a parent may take its time, PID 1 of a container for ever).
start_time() {
  local stat fields
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
  # The name before the last bracket may hold blanks and brackets.
  read -r -a fields <<<"${stat##*) }"
  [[ ${fields[0]} != [ZX] ]] || return 1
  echo "${fields[19]}"
}

# is_alive PID START_TIME
is_alive() {
  [[ $(start_time "$1") == "$2" ]]
}

# hierarchies: one line per mounted hierarchy, tab-separated: "v2" or the
# controllers as mount(8) wants them; its mount point; the group we are in.
hierarchies() {
  awk '
    FILENAME == "/proc/self/cgroup" {
      split($0, part, ":")
      own[part[2] == "" ? "v2" : part[2]] = substr($0, length(part[1] part[2]) + 3)
      next
    }
    {
      dash = 7
      while ($dash != "-") dash++
      type = $(dash + 1)
      if (type != "cgroup" && type != "cgroup2") next
      options = "," $NF ","
      for (name in own) {
        first = name
        sub(/,.*/, "", first)
        if (seen[name] || !(type == "cgroup2" ? name == "v2" : index(options, "," first ",")))
          continue
        seen[name] = 1
        path = own[name]
        if ($4 != "/" && index(path, $4) == 1) path = substr(path, length($4) + 1)
        sub(/\/$/, "", path)
        print name "\t" $5 "\t" $5 path
      }
    }' /proc/self/cgroup /proc/self/mountinfo
}

only_v2() {
  [[ $(hierarchies | cut -f 1) == v2 ]]
}

# An empty cpuset takes no process. (cgroup v1; in v2 it means the parent's.)
fill_cpuset() {
  local parent=${1%/*} file
  for file in cpuset.cpus cpuset.mems; do
    cat "$parent/$file" >"$1/$file"
  done
}

# make_groups NAME: in every hierarchy, and prints those to be joined.
make_groups() {
  local name=$1 controllers own
  while IFS=$'\t' read -r controllers _ own; do
    mkdir "$own/$name"
    if [[ ,$controllers, == *,cpuset,* ]]; then
      fill_cpuset "$own/$name"
    fi
    if [[ $controllers == v2 ]]; then
      # In v2 a group with processes of its own cannot hand controllers down.
      mkdir "$own/$name/world"
      echo "$own/$name/world"
    else
      echo "$own/$name"
    fi
  done < <(hierarchies)
}

# join_groups FILE: the calling shell, and what it starts, into these groups.
join_groups() {
  local group
  while read -r group; do
    echo "$$" >"$group/cgroup.procs"
  done <"$1"
}

# hand_down GROUP: every controller there is, two levels down to GROUP. Works
# where the group two above holds no process (a delegated systemd scope which
# we have just left) or is the root. UNTRIED on a machine without cgroup v1.
hand_down() {
  local parent controller
  for parent in "${1%/*/*}" "${1%/*}"; do
    for controller in $(<"$parent/cgroup.controllers"); do
      echo "+$controller" 2>/dev/null >"$parent/cgroup.subtree_control" || true
    done
  done
  grep -qw memory "$1/cgroup.controllers"
}

# mount_groups HIERARCHIES: inside the world, as its cgroup namespace shows
# them. Where there are v1 hierarchies v2 is left out: libvirt takes a
# v2 mount with controllers next to v1 ones for its own and then fails every
# start with "Unable to create directory /sys/fs/cgroup/unified".
mount_groups() {
  local controllers target link
  if [[ $1 == v2 ]]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    return
  fi
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  for controllers in $1; do
    [[ $controllers != v2 ]] || continue
    target=/sys/fs/cgroup/${controllers#name=}
    mkdir "$target"
    mount -t cgroup -o "$controllers" cgroup "$target"
    for link in ${controllers//,/ }; do
      [[ -e /sys/fs/cgroup/${link#name=} ]] || ln -s "$controllers" "/sys/fs/cgroup/$link"
    done
  done
}

# all_groups: every world's group on this machine, live or left over. Those of the
# freezer first: what they hold frozen leaves the others only then.
all_groups() {
  local mounted
  while IFS=$'\t' read -r _ mounted _; do
    find "$mounted" -type d -name "$WORLD_GROUP-*" -prune -print 2>/dev/null || true
  done < <(hierarchies) | awk '/\/freezer\// { print; next } { rest = rest $0 "\n" } END { printf "%s", rest }'
}

# rmdir only ever takes empty groups, so this cannot harm a process. The last
# ones may take a moment to die.
remove_group() {
  local attempt state
  # Killed while it was frozen (a paused container), a process of v1 ends when thawed.
  while read -r state; do
    echo THAWED >"$state" || true
  done 2>/dev/null < <(find "$1" -name freezer.state 2>/dev/null)
  for attempt in {1..60}; do
    find "$1" -depth -type d -delete 2>/dev/null || true
    [[ -d $1 ]] || return 0
    sleep "0.0$((attempt / 10 + 2))"
  done
  say "could not remove $1: something in it is still running"
}

# remove_groups NAME
remove_groups() {
  local group
  while read -r group; do
    [[ ${group##*/} == "$1" ]] && remove_group "$group"
  done < <(all_groups)
  return 0
}

# remove_left_over: the groups of worlds whose owner is gone.
remove_left_over() {
  local group name pid started
  while read -r group; do
    name=${group##*/}
    IFS=- read -r pid started <<<"${name#"$WORLD_GROUP-"}"
    is_alive "$pid" "$started" || remove_group "$group"
  done < <(all_groups)
}
