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
