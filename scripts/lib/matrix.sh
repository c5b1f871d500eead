# shellcheck shell=bash
# The packages on Debian's releases: built there by that release's tools, installed by
# apt on a machine of it, and their tests run there with its libvirt, corosync and
# Pacemaker; or on a virtual machine of it. Sourced after roots.sh and vm.sh.

# packages_for TARBALL RELEASE: makes them, where they are not there of this tarball.
packages_for() {
  local directory=target/package/$2
  if ! cmp --quiet "$1" "$directory"/lxc-autogen_*.orig.tar.xz ||
    [[ ! -e $(echo "$directory"/lxc-autogen-tests_*.deb) ]]; then
    rm -rf "$directory"
    scripts/package --of "$PWD/$1" --in "$2" deb
  fi
}

# try_release RELEASE FILTER…
try_release() {
  local release=$1 machines status=0
  shift
  machines=$(mktemp -d /var/tmp/lxc-autogen-matrix.XXXXXX)
  machine "$release" "$machines"
  on_machine "$machines/$release" "$PWD" -- \
    "$PWD/scripts/lib/try-deb" "$PWD/target/package/$release" "$@" || status=$?
  rm -rf --one-file-system "$machines"
  return "$status"
}

# each RELEASES COMMAND FILTER…: for each release its packages and then COMMAND; what was
# said into target/matrix/COMMAND-RELEASE, and in the end a line for each.
each() {
  local releases=$1 command=$2 release tarball log status=0 failed=0
  shift 2
  for release in $releases; do
    known "$release"
  done
  tarball=$(scripts/release source)
  mkdir -p target/matrix
  for release in $releases; do
    log=target/matrix/$command-$release
    say "== $command $release (into $log)"
    status=0
    # In the background, so that its first failure ends it (set -e is off left of ||).
    (
      packages_for "$tarball" "$release"
      "$command" "$release" "$@"
    ) >"$log" 2>&1 &
    wait $! || status=$?
    [[ $status -eq 0 ]] || failed=1
    echo "exit status $status" >>"$log"
  done
  for release in $releases; do
    log=target/matrix/$command-$release
    printf '%s %s: %s\n' "$command" "$release" "$(tail -n 1 "$log")"
    grep -aE '^(libvirt|Pacemaker) [0-9]|^test result|^vm-check:|^test .*FAILED' "$log" | sed 's/^/    /'
  done
  return "$failed"
}
