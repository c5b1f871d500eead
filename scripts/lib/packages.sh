# shellcheck shell=bash
# What these scripts need installed, by packaging/packages.tsv, and how it gets
# there. Sourced after common.sh, never run.

PACKAGES=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../packaging/packages.tsv

family() {
  if have apt-get; then
    echo apt
  elif have dnf; then
    echo dnf
  elif have zypper; then
    echo zypper
  else
    echo unknown
  fi
}

# packages FAMILY GROUP…: these groups' packages, a line each, as
# packaging/packages.tsv has them.
packages() {
  local column
  case $1 in
    apt) column=2 ;;
    dnf) column=3 ;;
    zypper) column=4 ;;
  esac
  shift
  awk -F '\t' -v column="$column" -v wanted="$*" '
    BEGIN { split(wanted, list, " "); for (i in list) want[list[i]] }
    /^#/ || $column ~ /^-/ { next }
    { n = split($5, groups, " "); for (i = 1; i <= n; i++) if (groups[i] in want) print $column }' \
    "$PACKAGES" | sort -u
}

# missing FAMILY GROUP…: which packages of these groups are not there.
missing() {
  local family=$1 package wanted
  shift
  mapfile -t wanted < <(packages "$family" "$@")
  if [[ $family == apt ]]; then
    # One call for all of them: this runs at every start.
    comm -23 <(printf '%s\n' "${wanted[@]}") \
      <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null |
        awk '$2 == "installed" {print $1}' | sort -u)
  else
    for package in "${wanted[@]}"; do
      rpm -q --whatprovides "$package" >/dev/null 2>&1 || echo "$package"
    done
  fi
}

# A package's scripts start its daemon on being installed: a libvirtd with its
# `default` network, a corosync. Neither is wanted on the machine itself, and
# where systemd is not PID 1 the attempt can fail the installation. A
# policy-rc.d would prevent it, but is a file of the host's that may be there
# already. So the programs through which all such scripts go are covered with
# /bin/true, in a mount namespace of the installer's own: nothing of it is left
# when it ends. That they are not enabled either matters for sshd, which only
# runs in labs: this machine is not to be reachable from outside tomorrow because
# of a test today.
without_daemons() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount --propagation private bash -euc '
    for starter in invoke-rc.d deb-systemd-invoke deb-systemd-helper; do
      path=$(command -v "$starter") || continue
      mount --bind /bin/true "$path"
    done
    exec "$@"' - "$@"
}

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq || say "apt-get update failed; trying with the lists that are there"
  without_daemons apt-get install --no-install-recommends -y -qq "$@" >&2
}

# install_missing GROUP…: quick when all is there, else needs root and network.
install_missing() {
  local family wanted
  family=$(family)
  if [[ $family == unknown ]]; then
    die 3 "no apt-get, dnf or zypper on this machine" \
      "install libvirt with LXC, corosync, pacemaker and resource-agents yourself; see packaging/packages.tsv"
  fi
  mapfile -t wanted < <(missing "$family" "$@")
  ((${#wanted[@]})) || return 0
  need_root
  say "installing: ${wanted[*]}"
  case $family in
    apt) apt_install "${wanted[@]}" ;;
    # These two do not start daemons on installing.
    dnf) dnf install -y --setopt=install_weak_deps=False "${wanted[@]}" >&2 ;;
    zypper) zypper --non-interactive install --no-recommends "${wanted[@]}" >&2 ;;
  esac || die 3 "could not install: ${wanted[*]}" "see the error above; is the network reachable?"
}

# at_least VERSION WANTED
at_least() {
  [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]
}

RUST_WANTED=1.85

cargo_is_new_enough() {
  local version
  version=$(cargo --version 2>/dev/null) || return 1
  at_least "$(awk '{print $2}' <<<"$version")" "$RUST_WANTED"
}

# distribution_cargo FAMILY: the version it would install, empty when none.
distribution_cargo() {
  case $1 in
    apt) apt-cache policy cargo | awk '/Candidate:/ {print $2}' ;;
    dnf) dnf -q repoquery --latest-limit 1 --qf '%{version}\n' cargo ;;
    zypper) zypper -q info cargo | awk '/^Version/ {print $3}' ;;
  esac 2>/dev/null || true
}

# ensure_cargo: a cargo that can build this, in PATH.
ensure_cargo() {
  local family candidate
  # rustup's own place, which sudo's PATH lacks.
  PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  if cargo_is_new_enough; then
    return
  fi
  family=$(family)
  candidate=$(distribution_cargo "$family")
  if at_least "${candidate:-0}" "$RUST_WANTED" && ((EUID == 0)); then
    case $family in
      apt) apt_install cargo ;;
      dnf) dnf install -y cargo >&2 ;;
      zypper) zypper --non-interactive install cargo >&2 ;;
    esac
    if cargo_is_new_enough; then
      return
    fi
  fi
  die 3 "needs cargo $RUST_WANTED or newer, and this distribution has ${candidate:-none}" \
    "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal"
}

# fetch_remoted DIR: Debian's pacemaker and pacemaker-remote packages conflict,
# so a cluster host has no pacemaker-remoted. A world has no network to fetch
# it over; so it is fetched beforehand, in the host's exact version, into DIR.
# Prints its path. Needs no root.
fetch_remoted() {
  local version directory=$1
  if have pacemaker-remoted; then
    command -v pacemaker-remoted
    return
  fi
  version=$(dpkg-query -W -f '${Version}' pacemaker)
  knows_remoted "$version"
  directory=$directory/pacemaker-remote_$version
  if [[ ! -x $directory/usr/sbin/pacemaker-remoted ]]; then
    download_remoted "$version" "$directory" ||
      die 3 "could not fetch pacemaker-remote $version" "apt-get update, then again"
  fi
  echo "$directory/usr/sbin/pacemaker-remoted"
}

# knows_remoted VERSION: package lists that name it; a machine may have none.
knows_remoted() {
  apt-cache show "pacemaker-remote=$1" >/dev/null 2>&1 && return
  ((EUID != 0)) || apt-get update -qq >&2 || say "apt-get update failed; trying with the lists that are there"
}

download_remoted() {
  local scratch
  mkdir -p "${2%/*}"
  scratch=$(mktemp -d "${2%/*}/fetch.XXXXXX")
  # apt's sandbox user cannot write here, and says so at length.
  (cd "$scratch" && apt-get -qq -o APT::Sandbox::User=root download "pacemaker-remote=$1" >&2 &&
    dpkg-deb -x ./*.deb tree) || {
    rm -rf "$scratch"
    return 1
  }
  # Whole or not at all; a second run at the same time may have been first.
  mv -T "$scratch/tree" "$2" 2>/dev/null || [[ -d $2 ]]
  rm -rf "$scratch"
}
