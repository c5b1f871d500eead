# shellcheck shell=bash
# What every script here shares: speaking to the person, and stopping well.
# Sourced, never run.

say() {
  printf '%s\n' "$*" >&2
}

# die STATUS CAUSE [MEND]: one line on what is wrong and one on what to do.
die() {
  local status=$1
  say "${0##*/}: $2"
  if [[ -n ${3-} ]]; then
    say "${0##*/}: mend: $3"
  fi
  exit "$status"
}

need_root() {
  if ((EUID != 0)); then
    die 3 "not root: namespaces, mounts and cgroups need it" "run it with sudo"
  fi
}

have() {
  command -v "$1" >/dev/null 2>&1
}

# Daemons and their tools are in sbin, which the PATH of su and cron lacks.
sane_path() {
  local directory
  for directory in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do
    case ":$PATH:" in
      *":$directory:"*) ;;
      *) PATH=$PATH:$directory ;;
    esac
  done
  export PATH
}

# step NAME TEXT COMMAND…: a long step that says little. Runs COMMAND with its output in a
# file; shows TEXT, how long it takes and the file's path, and on failure the file's end.
# On a terminal that is one line, which moves; elsewhere a line at the beginning, every
# minute (STEP_EVERY seconds) and at the end. The exit status is COMMAND's. Its standard input is empty, as
# nobody would see a question.
step() {
  local text=$2 begun=$SECONDS caller=$BASHPID log ticker status=0
  log=$(step_log "$1")
  shift 2
  on_terminal || say "$text (log: $log)"
  # What ticks is in the background, so that COMMAND gets a terminal's interrupt.
  tick "$text" "$log" "$caller" "$begun" &
  ticker=$!
  "$@" </dev/null >"$log" 2>&1 || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  if [[ $status -ne 0 ]]; then
    on_terminal && printf '\r\033[K' >&2
    say "$text: failed after $(elapsed "$begun"); the end of $log:"
    tail -n 30 "$log" | sed 's/^/    /' >&2
  elif on_terminal; then
    printf '\r\033[K' >&2
    say "$text: $(elapsed "$begun") (log: $log)"
  else
    say "$text: done after $(elapsed "$begun")"
  fi
  return "$status"
}

# step_log NAME: the path of its file. LOGS is where they are; in this tree, otherwise.
step_log() {
  local directory=${LOGS:-$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")/target/log}
  mkdir -p "$directory"
  echo "$directory/$1.log"
}

on_terminal() {
  [[ -t 2 && ${TERM:-dumb} != dumb ]]
}

# tick TEXT LOG CALLER BEGUN: says how long it takes, until it is ended or CALLER is gone.
tick() {
  local turn=0 width parent next=$(($4 + ${STEP_EVERY:-60}))
  # Nothing where there is no terminal.
  width=$(stty size <&2 2>/dev/null | cut -d ' ' -f 2) || true
  ((${width:-0} > 0)) || width=80
  # Another parent, once that has ended: kill -0 would find it for as long as nobody has
  # waited for it, and who waits for the end of our output first never does.
  while read -r _ _ _ parent _ <"/proc/$BASHPID/stat" && [[ $parent == "$3" ]]; do
    if on_terminal; then
      spin "$turn" "$width" "$1: $(elapsed "$4") (log: $2)"
      turn=$((turn + 1))
    elif ((SECONDS >= next)); then
      say "$1: $(elapsed "$4") so far"
      next=$((SECONDS + ${STEP_EVERY:-60}))
    fi
    # With nothing of ours open: it outlives what ticks for a moment.
    sleep 0.2 >/dev/null 2>&1
  done
}

# spin TURN WIDTH TEXT: in one line, cut where it would be two.
spin() {
  local signs='\|/-' line
  line="${signs:$1 % 4:1} $3"
  printf '\r\033[K%s' "${line:0:$2 - 1}" >&2
}

# elapsed BEGUN: since then, by $SECONDS.
elapsed() {
  local seconds=$((SECONDS - $1))
  if ((seconds < 60)); then
    echo "$seconds s"
  else
    echo "$((seconds / 60)) min $((seconds % 60)) s"
  fi
}
