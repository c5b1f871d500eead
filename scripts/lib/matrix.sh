# shellcheck shell=bash
# The packages on Debian's releases: built there, installed there, their tests run there
# with that release's libvirt, corosync and Pacemaker. Sourced after roots.sh.

# built RELEASE: its packages are there, of the last commit.
built() {
  local tarball=$1 directory=$2
  cmp --quiet "$tarball" "$directory"/lxc-autogen_*.orig.tar.xz && [[ -e $(echo "$directory"/lxc-autogen-tests_*.deb) ]]
}

# try_release TARBALL RELEASE FILTER…: prints what its machine said, and a line for the
# table of what was run.
try_release() {
  local tarball=$1 release=$2 packages=$PWD/target/package/$2 machines status=0
  shift 2
  if ! built "$tarball" "$packages"; then
    rm -rf "$packages"
    scripts/package --of "$tarball" --in "$release" deb
  fi
  machines=$(mktemp -d /var/tmp/lxc-autogen-matrix.XXXXXX)
  machine "$release" "$machines"
  on_machine "$machines/$release" "$PWD" -- "$PWD/scripts/lib/try-deb" "$packages" "$@" || status=$?
  rm -rf --one-file-system "$machines"
  return "$status"
}
