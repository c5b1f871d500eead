# shellcheck shell=bash
# Archives of the packages of services that tests put into a lab's nodes, and never on this
# machine. Sourced after packages.sh, never run.

# fetch_services DIR: for each package of the group services (packaging/packages.tsv) the
# archives with which dpkg installs it on a machine that has what this one has, in
# DIR/PACKAGE: none where it is installed here already. A world has no network to fetch them
# over. What cannot be fetched is not there, and the tests say what they cannot prove.
fetch_services() {
  local package
  if [[ $(family) != apt ]]; then
    say "no apt-get here, so no services for the nodes: what needs them is NOT PROVEN"
    return
  fi
  mkdir -p "$1"
  for package in $(packages apt services); do
    fetch_service "$package" "$1/$package" || {
      say "could not fetch $package, so what needs it is NOT PROVEN; mend: apt-get update, then again"
      rm -rf "${1:?}/$package"
    }
  done
}

# fetch_service PACKAGE DIR: quick when it is there.
fetch_service() {
  [[ -n $(candidate apt "$1") ]] || refresh_lists
  ! has_archives "$1" "$2" || return 0
  step "service-$1" "fetching $1 for the nodes" download_service "$1" "$2" && return
  # Lists that are old name archives that are no longer there.
  refresh_lists
  step "service-$1" "fetching $1 for the nodes again" download_service "$1" "$2"
}

# has_archives PACKAGE DIR: those that apt would fetch today, and no others.
has_archives() {
  local empty wanted status=0
  [[ -d $2 ]] || return 1
  empty=$(mktemp -d "${2%/*}/none.XXXXXX")
  mkdir "$empty/partial"
  wanted=$(archives_of "$1" "$empty" --print-uris) || status=$?
  rm -rf "$empty"
  [[ $status -eq 0 ]] || return 1
  # A line each: 'URI' FILE SIZE HASH.
  cmp --quiet <(awk '/^\047/ { print $2 }' <<<"$wanted" | sort) <(find "$2" -type f -printf '%f\n' | sort)
}

download_service() {
  local scratch
  scratch=$(mktemp -d "${2%/*}/fetch.XXXXXX")
  mkdir "$scratch/partial"
  archives_of "$1" "$scratch" --download-only || {
    rm -rf "$scratch"
    return 1
  }
  rm -rf "$scratch/partial" "$scratch/lock" "$2"
  # Whole or not at all; a second run at the same time may have been first.
  mv -T "$scratch" "$2" 2>/dev/null || [[ -d $2 ]]
  rm -rf "$scratch"
}

# archives_of PACKAGE DIR OPTION: apt-get with a place for archives that is not this machine's. What is
# installed here is to stay as it is, and nothing is waited for, since nothing is changed.
archives_of() {
  apt-get -q -y --no-install-recommends --no-upgrade --no-remove -o Debug::NoLocking=true \
    -o APT::Sandbox::User=root -o "Dir::Cache::archives=$2" "$3" install "$1"
}
