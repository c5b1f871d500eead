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
# when it ends. That they are not enabled either, by systemd (deb-systemd-helper) or
# by links for another init (update-rc.d), matters for sshd and corosync-qnetd, which
# only run in labs: this machine is not to be reachable from outside tomorrow because
# of a test today.
without_daemons() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount --propagation private bash -euc '
    for starter in invoke-rc.d deb-systemd-invoke deb-systemd-helper update-rc.d; do
      path=$(command -v "$starter") || continue
      mount --bind /bin/true "$path"
    done
    exec "$@"' - "$@"
}

# Files in /etc that somebody has changed stay, and nothing is removed to make room; for
# the lock of another apt it waits ten minutes.
apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q || say "apt-get update failed; trying with the lists that are there"
  without_daemons apt-get install --no-install-recommends --no-remove -y -q \
    -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

# install_packages FAMILY PACKAGE…
install_packages() {
  local family=$1
  shift
  echo "installing: $*"
  case $family in
    apt) apt_install "$@" ;;
    # These two do not start daemons on installing.
    dnf) dnf install -y --setopt=install_weak_deps=False "$@" ;;
    zypper) zypper --non-interactive install --no-recommends "$@" ;;
  esac
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
  step install "installing $(counted "${wanted[@]}")" install_packages "$family" "${wanted[@]}" ||
    die 3 "could not install: ${wanted[*]}" "see the error above; is the network reachable?"
}

# counted PACKAGE…: a few by name.
counted() {
  if (($# <= 3)); then
    echo "$*"
  else
    echo "$# packages"
  fi
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

# candidate FAMILY PACKAGE: the version that would be installed, empty when none.
candidate() {
  case $1 in
    apt) apt-cache policy "$2" | awk '/Candidate:/ && $2 != "(none)" {print $2}' ;;
    dnf) dnf -q repoquery --latest-limit 1 --qf '%{version}\n' "$2" ;;
    zypper) zypper -q info "$2" | awk '/^Version/ {print $3}' ;;
  esac 2>/dev/null || true
}

# distribution_cargo FAMILY: package and version of the first cargo that it would install
# and that is new enough; else of the last there is; nothing when none.
distribution_cargo() {
  local package version found=
  for package in $(packages "$1" rust); do
    version=$(candidate "$1" "$package")
    [[ -n $version ]] || continue
    found="$package $version"
    ! at_least "$version" "$RUST_WANTED" || break
  done
  echo "$found"
}

# ensure_cargo: a cargo that can build this, in PATH.
ensure_cargo() {
  local family package version
  # rustup's own place, which sudo's PATH lacks.
  PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  if cargo_is_new_enough; then
    return
  fi
  family=$(family)
  [[ $family != apt || -n $(candidate apt cargo) ]] || refresh_lists
  read -r package version < <(distribution_cargo "$family") || true
  if at_least "${version:-0}" "$RUST_WANTED"; then
    ((EUID == 0)) || die 3 "needs cargo $RUST_WANTED or newer" "as root, install package $package"
    step cargo "installing $package $version" install_packages "$family" "$package" ||
      die 3 "could not install $package" "see the error above; where it would remove packages: apt-get install $package"
    if cargo_is_new_enough; then
      return
    fi
  fi
  die 3 "needs cargo $RUST_WANTED or newer, and this distribution has ${version:-none}" \
    "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal"
}

# ensure_critics: rustfmt and clippy, of the same Rust as cargo.
ensure_critics() {
  local family group=rust-check tool
  if [[ $(command -v cargo) == /usr/bin/cargo ]]; then
    family=$(family)
    if [[ -n $(packages "$family" rust-newer) && -z $(missing "$family" rust-newer) ]]; then
      group=rust-newer-check
    fi
    install_missing "$group"
  fi
  for tool in fmt clippy; do
    cargo "$tool" --version >/dev/null 2>&1 ||
      die 3 "cargo $tool is not installed, and .ci/run needs it (scripts/test and scripts/demo do not)" \
        "rustup component add ${tool/fmt/rustfmt}"
  done
}

# compile TEXT ARGUMENT…: cargo with these, the crates fetched beforehand.
compile() {
  local text=$1 triple
  shift
  triple=$(rustc --version --verbose | sed -n 's/^host: //p')
  step fetch "fetching crates" cargo fetch --locked --target "$triple"
  step build "$text" cargo "$@"
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
    step remoted "fetching pacemaker-remoted $version" download_remoted "$version" "$directory" ||
      die 3 "could not fetch pacemaker-remote $version" "apt-get update, then again"
  fi
  echo "$directory/usr/sbin/pacemaker-remoted"
}

# knows_remoted VERSION: package lists that name it; a machine may have none.
knows_remoted() {
  apt-cache show "pacemaker-remote=$1" >/dev/null 2>&1 || refresh_lists
}

# refresh_lists: of apt's packages, which only root can.
refresh_lists() {
  ((EUID != 0)) || step lists "fetching package lists" apt-get update -q ||
    say "apt-get update failed; trying with the lists that are there"
}

download_remoted() {
  local scratch
  mkdir -p "${2%/*}"
  scratch=$(mktemp -d "${2%/*}/fetch.XXXXXX")
  # apt's sandbox user cannot write here, and says so at length.
  (cd "$scratch" && apt-get -qq -o APT::Sandbox::User=root download "pacemaker-remote=$1" &&
    dpkg-deb -x ./*.deb tree) || {
    rm -rf "$scratch"
    return 1
  }
  # Whole or not at all; a second run at the same time may have been first.
  mv -T "$scratch/tree" "$2" 2>/dev/null || [[ -d $2 ]]
  rm -rf "$scratch"
}
