# shellcheck shell=bash
# shellcheck disable=SC2154 # what scripts/bench sets
# One thing timed in the world "$world", for scripts/bench, with what it cost beside time.

# jiffies: stolen by the hypervisor for other machines, busy for ours, and all, so far.
jiffies() {
  awk '/^cpu / {for (i = 2; i <= 9; i++) all += $i; print $9, all - $5 - $6 - $9, all}' /proc/stat
}

runs() {
  scripts/world exec "$world" -- grep -sc "Calculated transition" /var/log/pacemaker/pacemaker.log || true
}

# timed COMMAND…: runs it in the world, and prints its milliseconds, the share of the
# machine's time that others had meanwhile in percent, its own processor time where it
# says so ("used:", --verbose) and all the machine's, in seconds, and how often the
# scheduler ran. What it says is shown only when it fails.
timed() {
  local begin log stolen busy all ran stolen_then busy_then all_then own
  ran=$(runs)
  read -r stolen busy all < <(jiffies)
  begin=${EPOCHREALTIME/[.,]/}
  log=$(scripts/world exec "$world" -- "$@" 2>&1) || die 1 "$* failed: $log" "see above"
  begin=$(((${EPOCHREALTIME/[.,]/} - begin) / 1000))
  read -r stolen_then busy_then all_then < <(jiffies)
  all=$((all_then - all))
  own=$(sed -n 's/^used: \([0-9.]*\) s.*/\1/p' <<<"$log")
  echo "$begin $((100 * (stolen_then - stolen) / (all > 0 ? all : 1))) ${own:--}" \
    "$(awk -v j=$((busy_then - busy)) 'BEGIN {print j / 100}') $(($(runs) - ran))"
}

took() {
  timed "$tool" --verbose "$@"
}

# Pacemaker starts fewer actions at a time when the one-minute load is high
# (load-threshold), so a round begins when that of the one before has gone down.
settle() {
  local waited
  for ((waited = 0; waited < 60; waited++)); do
    awk '{exit !($1 < 1.2)}' /proc/loadavg && return
    sleep 1
  done
}

# A cluster that has just been started is online before its controller has settled
# (an election, the first transition): what is measured is one that runs.
idle() {
  local waited
  for ((waited = 0; waited < 100; waited++)); do
    scripts/world exec "$world" -- crmadmin --status world-node1 2>/dev/null | grep -q S_IDLE && return
    sleep 0.2
  done
  die 1 "the cluster is not idle after 20 s" "see crm_mon"
}

# A fresh cluster for each round: one used before is slower, the original's too.
fresh() {
  scripts/world stop "$world"
  scripts/world start "$world"
  idle
}

# rounds_for N: of large ones fewer.
rounds_for() {
  if (($1 >= 200 && rounds > 3)); then
    echo 3
  else
    echo "$rounds"
  fi
}

available() {
  awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo
}

median() {
  printf '%s\n' "$@" | sort -n | awk '{v[NR] = $1}
    END {printf "%d\n", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'
}
