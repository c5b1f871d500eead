# shellcheck shell=bash
# What somebody sees who tries it: the README's commands on machines on which nothing has
# been installed yet, with a clone in /root, which only root can enter. Sourced after
# roots.sh. FRESH_ONLY is a part of the commands' names, to run only those by hand.

# try_fresh RELEASE…: each command on each, in a line with its time; what they said is in
# target/log/fresh-RELEASE-COMMAND.log, and what their steps said in target/log/fresh-RELEASE/.
try_fresh() {
  local release commands status=0
  need_root
  mapfile -t commands < <(readme_commands | grep -F -- "${FRESH_ONLY-}")
  ((${#commands[@]})) || die 1 "README.md names no command" "its section \"See it\""
  for release in "$@"; do
    known "$release"
  done
  install_missing release roots
  for release in "$@"; do
    # In a subshell: its trap is its own.
    (on_fresh_machine "$release" "${commands[@]}") || status=1
  done
  return "$status"
}

# on_fresh_machine RELEASE COMMAND…
on_fresh_machine() {
  local release=$1 machines command status=0
  shift
  machines=$(mktemp -d /var/tmp/lxc-autogen-fresh.XXXXXX)
  # shellcheck disable=SC2064 # as it is now
  trap "rm -rf --one-file-system '$machines'" EXIT
  fresh_machine "$release" "$machines/$release"
  for command in "$@"; do
    step "fresh-$release-${command##*/}" "Debian $release: $command" \
      as_newcomer "$machines/$release" "$command" || status=1
  done
  rm -rf "target/log/fresh-$release"
  cp -r "$machines/$release/root/lxc-autogen/target/log" "target/log/fresh-$release" || status=1
  return "$status"
}

# readme_commands: those of its section "See it", a line each.
readme_commands() {
  sed -n '/^## See it$/,/^## /s/^\(scripts\/[^#]*[^# ]\).*/\1/p' README.md
}

# fresh_machine RELEASE DIR: a machine as an installer leaves it, with this one's ways to
# package registries, and a clone of the last commit.
fresh_machine() {
  local release=$1 machine=$2 root file
  root=$(root_of "$release" bare)
  cp -a "$root" "$machine"
  debian_sources "$release" "$root/etc/apt/sources.list" >"$machine/etc/apt/sources.list"
  apt-config dump | grep -E '^Acquire::(https?|Check-)' >"$machine/etc/apt/apt.conf.d/99-as-elsewhere" || true
  # Certificate authorities that Debian does not know, which ca-certificates picks up.
  mkdir -p "$machine/usr/local/share/ca-certificates" "$machine/root/.cargo"
  for file in /usr/local/share/ca-certificates/*.crt; do
    [[ ! -e $file ]] || cp "$file" "$machine/usr/local/share/ca-certificates/"
  done
  for file in "${CARGO_HOME:-$HOME/.cargo}"/config{,.toml}; do
    [[ ! -e $file ]] || cp "$file" "$machine/root/.cargo/"
  done
  chmod 0700 "$machine/root"
  git clone --quiet --no-local . "$machine/root/lxc-autogen"
}

# debian_sources RELEASE SOURCES: with updates and security, as its installer has them;
# SOURCES is mmdebstrap's.
debian_sources() {
  local mirror security
  mirror=$(awk '$1 == "deb" { print $2; exit }' "$2")
  security=$(debian_mirror Debian-Security)
  echo "deb $mirror $1 main"
  echo "deb $mirror $1-updates main"
  echo "deb ${security:-${mirror%/}-security} $1-security main"
}

# as_newcomer DIR COMMAND: in the clone there, as root who has just logged in.
as_newcomer() {
  local machine=$1 command=$2 environment
  mapfile -t environment < <(env | grep -iE '^(https?_proxy|no_proxy|all_proxy|CARGO_(HTTP|NET)_[A-Z_]*)=')
  # shellcheck disable=SC2016 # expanded by the inner shell
  scripts/world run --in "$machine" -- env -i HOME=/root USER=root LANG=C.UTF-8 TERM=dumb \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${environment[@]}" \
    bash -c 'cd /root/lxc-autogen && exec $1' - "$command"
}
