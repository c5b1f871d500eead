# shellcheck shell=bash
# Roots of Debian's releases, small and untouched, and machines of them: worlds that
# have a copy of one for their root. Sourced after packages.sh.

RELEASES="bullseye bookworm trixie"

# debian_mirror LABEL: where this machine's apt gets Debian (or Debian-Security) from; nothing
# where it is another distribution, and mmdebstrap then uses its own default.
debian_mirror() {
  # shellcheck disable=SC2016 # apt's own
  apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk -F '|' -v label="$1" '$1 == "Debian" && $2 == label { print $3; exit }'
}

# known RELEASE
known() {
  [[ " $RELEASES " == *" $1 "* ]] || die 2 "knows no release '$1'" "one of: $RELEASES"
}

# root_of RELEASE [bare]: the path of its root, made once; bare, with nothing but what
# apt needs to install packages.
root_of() {
  local release=$1 root=target/roots/${2:+$2-}$1 mirror included=ca-certificates
  known "$release"
  if [[ ! -d $root ]]; then
    install_missing roots
    say "making a root of Debian $release"
    mkdir -p target/roots
    rm -rf "$root.part"
    mirror=$(debian_mirror Debian)
    [[ -z ${2-} || $mirror == https:* ]] || included=
    # As its installer leaves it: /bin is /usr/bin. Later ones have no other way.
    [[ $release != bullseye ]] || included+=${included:+,}usrmerge
    mmdebstrap --quiet --variant=minbase ${included:+"--include=$included"} "$release" "$root.part" ${mirror:+"$mirror"} >&2 ||
      die 3 "could not make a root of Debian $release" "see the error above; is the network reachable?"
    mv "$root.part" "$root"
  fi
  echo "$root"
}

# machine RELEASE DIR: a copy of its root for one use, DIR/RELEASE. Nothing is started on
# being installed: it has no init. What apt fetches is kept for the next one.
machine() {
  local root fetched=$PWD/target/roots/fetched-$1 machine=$2/$1
  root=$(root_of "$1")
  mkdir -p "$fetched/partial"
  cp -a "$root" "$machine"
  printf '#!/bin/sh\nexit 101\n' >"$machine/usr/sbin/policy-rc.d"
  chmod 0755 "$machine/usr/sbin/policy-rc.d"
  printf '%s\n' 'APT::Sandbox::User "root";' "Dir::Cache::archives \"$fetched\";" \
    >"$machine/etc/apt/apt.conf.d/99-machine"
}

# on_machine DIR/RELEASE PATH… -- COMMAND…: in it, with these PATHs of this one.
on_machine() {
  local machine=$1 options=(--in "$1" --bind "$PWD/target/roots/fetched-${1##*/}")
  shift
  while [[ $1 != -- ]]; do
    options+=(--bind "$1")
    shift
  done
  scripts/world run "${options[@]}" "$@"
}
