# shellcheck shell=bash
# shellcheck disable=SC2154 # what scripts/bench sets
# What scripts/bench measures, each so many rounds, as lines of its table. Sourced after
# timing.sh and figures.sh.

# By CLUSTER-NODES+GUESTS, in MiB.
declare -A memory=()

# rounds_of NAME N BEFORE COMMAND…: BEFORE (or -) is run untimed; COMMAND is timed, and
# the cleanup after it in a row of its own, which is of the growth `down`.
rounds_of() {
  local name=$1 number=$2 before=$3 times=() cleanups=() kib=() round free
  shift 3
  for ((round = 0; round < $(rounds_for "$number"); round++)); do
    fresh
    # shellcheck disable=SC2086 # a command line of ours
    [[ $before == - ]] || took $before >/dev/null
    settle
    free=$(available)
    times+=("$(took "$@")")
    kib+=("$(((free - $(available)) * 1024 / number))")
    cleanups+=("$(took cleanup)")
  done
  row "$name" "${times[@]}"
  of='' grows=${down-} row "  cleanup of that" "${cleanups[@]}"
  printf '%-24s %s KiB each\n' "  memory:" "$(median "${kib[@]}")"
}

# up_rounds N: ours, by turns with the floor and, where there is one, the original.
up_rounds() {
  local number=$1 times=() cleanups=() floors=() originals=() kib=() round free
  for ((round = 0; round < $(rounds_for "$number"); round++)); do
    fresh
    settle
    free=$(available)
    times+=("$(took up -c "$number")")
    kib+=("$(((free - $(available)) * 1024 / number))")
    cleanups+=("$(took cleanup)")
    took generate -c "$number" >/dev/null
    floors+=("$(timed virsh -q -c lxc:/// "$(creations "$number")")")
    took cleanup >/dev/null
    if [[ -n $original ]]; then
      fresh
      settle
      originals+=("$(timed bash -c "$(declare -f as_original); as_original '$original' $number")")
    fi
  done
  of=$'lxc-autogen up\t'$number grows=$'up\t'$number row "up $number" "${times[@]}"
  grows=$'cleanup after up\t'$number row "  cleanup of that" "${cleanups[@]}"
  printf '%-24s %s KiB each\n' "  memory:" "$(median "${kib[@]}")"
  of=$'virsh alone\t'$number row "  floor: virsh alone" "${floors[@]}"
  ((${#originals[@]} == 0)) || of=$'lxc_autogen.sh\t'$number row "  lxc_autogen.sh" "${originals[@]}"
}

creations() {
  local number
  for ((number = 1; number <= $1; number++)); do
    printf 'create /var/lib/lxc-autogen/lxc%d/domain.xml; ' "$number"
  done
}

# as_original PATH N: what it takes to have its nodes online: it does not wait.
as_original() {
  local waited
  "$1" -g -a -c "$2" || return
  for ((waited = 0; waited < 3000; waited++)); do
    (($(cibadmin --query --xpath '//node_state[@remote_node]' 2>/dev/null |
      grep -cE 'in_ccm="(true|[1-9])') >= $2)) && return
    sleep 0.1
  done
  return 1
}

# steady N [KIND]: what N nodes cost while nothing happens, for ten minutes, and whether the
# connection to any of them was lost meanwhile.
steady() {
  local number=$1 kind=${2:-guest} busy all busy_then all_then ran lost
  fresh
  took up -c "$number" --kind "$kind" >/dev/null
  settle
  ran=$(runs) lost=$(losses)
  read -r _ busy all < <(jiffies)
  sleep 600
  read -r _ busy_then all_then < <(jiffies)
  awk -v name="$number $kind nodes, 10 min:" -v busy="$((busy_then - busy))" -v all="$((all_then - all))" \
    -v cores="$(nproc)" -v runs="$(($(runs) - ran))" -v lost="$(($(losses) - lost))" -v json="$json" 'BEGIN {
      share = 100 * cores * busy / all
      printf "%-24s %.1f%% of one core, %d scheduler runs, %d connections lost\n", name, share, runs, lost
      printf "{\"name\": \"%s\", \"percent_of_a_core\": %.1f, \"scheduler_runs\": %d, \"lost\": %d}\n", \
        name, share, runs, lost >> json
    }'
  took cleanup >/dev/null
}

losses() {
  scripts/world exec "$world" -- grep -scE "Lost connection to Pacemaker Remote|Result of monitor operation for .*: (error|Timed)" \
    /var/log/pacemaker/pacemaker.log || true
}

generate_rounds() {
  local number=$1 times=() cleanups=() floors=() round
  for ((round = 0; round < $(rounds_for "$number"); round++)); do
    times+=("$(took generate -c "$number")")
    floors+=("$(timed cp -a /var/lib/lxc-autogen /var/lib/copy)")
    scripts/world exec "$world" -- rm -rf /var/lib/copy
    cleanups+=("$(took cleanup)")
  done
  grows=$'generate\t'$number row "generate $number" "${times[@]}"
  row "  floor: cp -a" "${floors[@]}"
  grows=$'cleanup after generate\t'$number row "  cleanup of that" "${cleanups[@]}"
}

# one_rounds N: one more on a set of N that is online.
one_rounds() {
  local number=$1 times=() round
  fresh
  took up -c "$number" >/dev/null
  for ((round = 1; round <= rounds; round++)); do
    settle
    times+=("$(took up -c $((number + round)))")
  done
  row "one more than $number" "${times[@]}"
  took cleanup >/dev/null
}

# share_rounds GUESTS: on a cluster of three nodes, by turns: on the node that leads
# alone, and on all of them.
share_rounds() {
  local guests=$1 alone=() shared=() away=() round
  scripts/world stop "$world"
  scripts/world start --no-cluster "$world"
  took lab up --ssh -c 0 --init own >/dev/null
  for ((round = 0; round < rounds; round++)); do
    settle
    alone+=("$(in_first_node up -c "$guests")")
    in_first_node cleanup >/dev/null
    settle
    shared+=("$(in_first_node up -s -c "$guests")")
    away+=("$(in_first_node cleanup)")
  done
  row "up $guests, of 3 nodes 1" "${alone[@]}"
  row "up -s $guests, of 3 nodes 3" "${shared[@]}"
  row "  cleanup of that" "${away[@]}"
}

in_first_node() {
  took lab exec node1 -- env -u LXC_AUTOGEN_STATE_DIR lxc-autogen --quiet "$@"
}

# lab_rounds CLUSTER-NODES GUESTS [INIT]: a lab from nothing, and down again; and what
# memory its nodes take, by what this machine has less of it. INIT is own, or systemd
# for machines.
lab_rounds() {
  local nodes=$1 guests=$2 init=${3-own} ups=() downs=() mib=() round free kind=''
  [[ $init == own ]] || kind=' machines'

  for ((round = 0; round < rounds; round++)); do
    scripts/world stop "$world"
    scripts/world start --no-cluster "$world"
    settle
    free=$(available)
    ups+=("$(took lab up --cluster-nodes "$nodes" -c "$guests" --init "$init")")
    mib+=("$((free - $(available)))")
    downs+=("$(took lab down)")
  done
  row "lab up $nodes$kind + $guests guests" "${ups[@]}"
  row "  lab down of that" "${downs[@]}"
  printf '%-22s %s MiB in all\n' "  memory, each round:" "${mib[*]}"
  memory["$nodes$kind+$guests"]=$(median "${mib[@]}")
}

# memory_each: of one node more, by the difference of two labs without guests, and
# of one guest, by what lab3 has more than three such nodes. What a lab takes
# once, whatever its size, is in neither.
memory_each() {
  local machine_1=${memory["1 machines+0"]-} machine_8=${memory["8 machines+0"]-}
  [[ -z $machine_1 || -z $machine_8 ]] ||
    printf '%-22s %d MiB\n' "memory, machine:" "$(((machine_8 - machine_1) / 7))"
  local one=${memory["1+0"]-} three=${memory["3+8"]-} eight=${memory["8+0"]-} node
  [[ -n $one && -n $eight ]] || return 0
  node=$(((eight - one) / 7))
  printf '%-22s %d MiB\n' "memory, cluster node:" "$node"
  [[ -n $three ]] || return 0
  awk -v all="$((three - one - 2 * node))" \
    'BEGIN {printf "%-22s %.1f MiB\n", "memory, guest node:", all / 8}'
}
