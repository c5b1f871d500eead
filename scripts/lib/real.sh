# shellcheck shell=bash
# The tests on real clusters, each program of them in a world of its own. Sourced
# after common.sh by those who have the programs.

world_script=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../world
# The exit status where there can be no world. 0: the tests say that they are skipped.
without_world=0

# inside_a_world "OPTION…" PROGRAM FILTER…: with a line of evidence of its own that
# there was a world: a status alone could be either's.
inside_a_world() {
  local options=$1 program=$2 begun status=0
  shift 2
  begun=$(mktemp)
  # One libvirt for all of them, so one after another. The file is open already:
  # a world's node sees this tree read-only.
  # shellcheck disable=SC2016,SC2086 # expanded by the inner shell; a list
  setpriv --pdeathsig TERM "$world_script" run $options -- bash -c 'echo yes >&9 && exec "$@" 9>&-' - \
    "$program" --test-threads=1 "$@" 9>"$begun" || status=$?
  if [[ $status -ne 3 || -s $begun ]]; then
    rm -f "$begun"
    return "$status"
  fi
  rm -f "$begun"
  say "!!!"
  say "!!! NO WORLD ON THIS MACHINE (see above): the tests of ${program##*/} are NOT run"
  say "!!!"
  "$program" "$@"
  return "$without_world"
}

# worlds_below_any_directory: one can be had wherever the command is typed, and what it has
# of its own there is not this machine's.
worlds_below_any_directory() {
  local at own mark status
  for at in / /etc /proc/self /run /sys /dev/shm /usr /var/lib /var/log /tmp; do
    mark=lxc-autogen-test.$$
    status=0
    (cd "$at" && "$world_script" run --no-cluster --no-libvirt -- sh -c "touch /run/$mark /etc/$mark /var/log/$mark") ||
      status=$?
    # There is no world here at all, which the tests that follow say.
    [[ $status -ne 3 || $at != / ]] || return 0
    [[ $status -eq 0 ]] || die 1 "a world below $at fails with $status" "see above"
    for own in /run /etc /var/log; do
      [[ ! -e $own/$mark ]] || die 1 "a world has written $own/$mark" "remove it"
    done
  done
}

# real_tests CLUSTER LAB SHARE FILTER…: the programs of those that use a cluster, make
# labs, and use a cluster of several nodes.
real_tests() {
  local cluster=$1 lab=$2 share=$3 status=0
  shift 3
  # Each world has a libvirt of its own, and most of the time is spent on waiting:
  # so the labs' side by side with the others, shown when those are through.
  beside=$(mktemp)
  inside_a_world --no-cluster "$lab" "$@" >"$beside" 2>&1 &
  labs=$!
  # Its world ends with it (pdeathsig).
  trap 'kill "$labs" 2>/dev/null || true; rm -f "$beside"' EXIT
  (inside_a_world "" "$cluster" "$@" && inside_a_world --no-cluster "$share" "$@") || status=$?
  wait "$labs" || status=$?
  cat "$beside"
  return "$status"
}
