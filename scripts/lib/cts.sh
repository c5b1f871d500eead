# shellcheck shell=bash
# Pacemaker's cluster test suite out of Pacemaker's source package: fetched, and its
# scripts made as its own configure and make would install them. Sourced after
# packages.sh, never run.

# fetch_source DIR: the source tree of the Pacemaker that is installed, with what its
# distribution has changed in it. Kept in DIR. Prints its path.
fetch_source() {
  local version directory=$1
  # A rebuilt package (+b1) has the source of the first.
  # shellcheck disable=SC2016 # dpkg-query's
  version=$(dpkg-query -W -f '${source:Version}' pacemaker)
  directory=$directory/pacemaker-$version
  if [[ ! -d $directory ]]; then
    step cts-source "fetching the source of Pacemaker $version" download_source "$version" "$directory" ||
      die 3 "could not fetch the source package pacemaker $version" \
        "see the error above: is the archive of this release reachable, and has it this version (apt-get upgrade)?"
  fi
  echo "$directory"
}

# download_source VERSION DIR: by lists of source packages of our own. apt's are left as
# they are: most machines have none of sources, and they would be fetched at each update.
download_source() {
  local scratch options
  mkdir -p "${2%/*}"
  scratch=$(mktemp -d "${2%/*}/fetch.XXXXXX")
  mkdir -p "$scratch"/{parts,lists,cache/archives,unpacked}
  source_entries /etc/apt "$scratch/parts"
  options=(-q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$scratch/parts"
    -o "Dir::State::lists=$scratch/lists" -o "Dir::Cache=$scratch/cache"
    # apt's sandbox user cannot write here, and says so at length.
    -o APT::Sandbox::User=root)
  # An archive without sources is no reason to end here: another one has it.
  apt-get "${options[@]}" update || true
  (cd "$scratch/unpacked" && apt-get "${options[@]}" source "pacemaker=$1") || {
    rm -rf "$scratch"
    return 1
  }
  # Whole or not at all; a second run at the same time may have been first.
  mv -T "$scratch"/unpacked/pacemaker-*/ "$2" 2>/dev/null || [[ -d $2 ]]
  rm -rf "$scratch"
}

# source_entries ETC DIR: where this machine's packages come from (sources.list(5)), as
# entries for their sources, in files in DIR.
source_entries() {
  local file
  for file in "$1"/sources.list "$1"/sources.list.d/*.list; do
    [[ ! -f $file ]] ||
      sed -n 's/^[[:space:]]*deb\(-src\)\{0,1\}[[:space:]]/deb-src /p' "$file" | sort -u >"$2/${file##*/}"
  done
  for file in "$1"/sources.list.d/*.sources; do
    [[ ! -f $file ]] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$2/${file##*/}"
  done
}

# prepare_suite SOURCE REMOTED DIR: into DIR/exerciser what runs here, into DIR/node what
# the nodes need, by its path there.
prepare_suite() {
  local source=$1 remoted=$2 suite=$3
  local tests=usr/share/pacemaker/tests/cts daemons=usr/lib/pacemaker
  mkdir -p "$suite"/{exerciser/bin,node/usr/sbin,"node/$tests","node/$daemons"}
  exerciser "$source" "$suite/exerciser"
  helpers "$source/cts" "$suite/node/$tests" "$suite/node/$daemons"
  step cts-helper "compiling cts-exec-helper" compile_helper "$source" "$suite/node/$daemons/cts-exec-helper" ||
    die 3 "cts-exec-helper of $source cannot be compiled" "see the error above"
  # The test RemoteLXC calls it so.
  ln -s /opt/lxc-autogen/lxc-autogen "$suite/node/$tests/lxc_autogen.sh"
  remote_daemon "$remoted" "$suite/node"
  # From 2.1.6 on helpers in the nodes use these modules as well.
  if [[ -d $suite/exerciser/pacemaker ]]; then
    mkdir -p "$suite/node/usr/lib/python3/dist-packages"
    cp -r "$suite/exerciser/pacemaker" "$suite/node/usr/lib/python3/dist-packages/"
  fi
}

# exerciser SOURCE DIR: bin/cts-lab and its modules, which have moved from cts/lab to
# python/pacemaker/_cts from release to release (2.1.6 to 2.1.8).
exerciser() {
  if [[ -e $1/python/pacemaker/buildoptions.py.in ]]; then
    cp -r "$1/python/pacemaker" "$2/pacemaker"
    configured "$1/python/pacemaker/buildoptions.py.in" "$2/pacemaker/buildoptions.py"
  fi
  if [[ -e $1/cts/lab/CTSlab.py.in ]]; then
    mkdir "$2/cts"
    cp "$1"/cts/lab/*.py "$2/cts"
    [[ ! -e $1/cts/lab/CTSvars.py.in ]] || configured "$1/cts/lab/CTSvars.py.in" "$2/cts/CTSvars.py"
    configured "$1/cts/lab/CTSlab.py.in" "$2/bin/cts-lab"
  elif [[ -e $1/cts/cts-lab.in ]]; then
    configured "$1/cts/cts-lab.in" "$2/bin/cts-lab"
  else
    die 3 "${1##*/} has no CTS where this knows it (cts/lab/CTSlab.py.in, cts/cts-lab.in)" \
      "Pacemaker 2.1.0 or newer"
  fi
}

# helpers CTS TESTS DAEMONS: the scripts that a node needs, as cts/*/Makefile.am sort them.
helpers() {
  local file name
  for file in "$1"/support/* "$1"/lab/cts-log-watcher.in; do
    [[ -f $file ]] || continue
    name=${file##*/}
    name=${name%.in}
    case $name in
      cts-support | cts-log-watcher) configured "$file" "$3/$name" ;;
      # For an init that no node has.
      Makefile.* | pacemaker-cts-dummyd.conf) ;;
      *) configured "$file" "$2/$name" ;;
    esac
  done
}

# configured FILE NEW: FILE with configure's variables filled in, as Debian configures it
# (debian/rules; what the installed libraries say of themselves comes from pkg-config).
configured() {
  local name value edits=()
  while IFS='=' read -r name value; do
    edits+=(-e "s|@$name@|$value|g")
  done <<END
BASH_PATH=/bin/bash
CONFIGDIR=/etc/default
CRM_CONFIG_DIR=$(of_pacemaker configdir)
CRM_DAEMON_DIR=$(of_pacemaker daemondir)
CRM_DAEMON_USER=$(of_pacemaker daemon_user)
CRM_LOG_DIR=/var/log/pacemaker
CRM_RSCTMP_DIR=/run/resource-agents
CRM_SCHEMA_DIRECTORY=$(of_pacemaker schemadir)
INITDIR=$(of_pacemaker initdir)
OCF_RA_INSTALL_DIR=$(of_pacemaker ocfdir)
OCF_ROOT_DIR=/usr/lib/ocf
PACEMAKER_CONFIG_DIR=/etc/pacemaker
PACKAGE=pacemaker
PC_NAME_GNUTLS=gnutls
PCMK_OCF_ROOT=/usr/lib/ocf
PCMK_SCHEMA_DIR=$(of_pacemaker schemadir)
PCMK__COROSYNC_CONF=/etc/corosync/corosync.conf
PCMK__FENCE_BINDIR=/usr/sbin
PCMK__OCF_TMP_DIR=/run/resource-agents
PYTHON=/usr/bin/python3
XMLLINT_PATH=/usr/bin/xmllint
abs_top_builddir=/nonexistent
abs_top_srcdir=/nonexistent
datadir=/usr/share
libexecdir=/usr/lib
localstatedir=/var
runstatedir=/run
sbindir=/usr/sbin
systemdsystemunitdir=/usr/lib/systemd/system
CIB_VERSION=$(newest_schema)
END
  sed "${edits[@]}" "$1" >"$2"
  ! grep -nE '@[A-Za-z_]+@' "$2" >&2 ||
    die 3 "$1 has variables of configure's that this does not know (see above)" "scripts/lib/cts.sh, configured"
  chmod 0755 "$2"
}

of_pacemaker() {
  pkg-config --variable="$1" pacemaker
}

# newest_schema: the version of the newest of the CIB's schemas (pacemaker-3.10.rng).
newest_schema() {
  local schemas
  schemas=$(of_pacemaker schemadir)
  find "$schemas" -name 'pacemaker-[0-9]*.rng' -printf '%f\n' | sed 's/^pacemaker-//; s/\.rng$//' |
    sort -V | tail -n 1
}

# compile_helper SOURCE PROGRAM: against the installed libraries, whose headers lack only
# the internal ones. What portability.h asks configure for, glibc has.
compile_helper() {
  local has scratch flags status=0
  local libraries=(pacemaker-lrmd pacemaker-cib pacemaker-pe_status pacemaker libqb glib-2.0 libxml-2.0)
  scratch=$(mktemp -d)
  # The internal headers include the one that configure writes.
  : >"$scratch/config.h"
  for has in ALPHASORT DAEMON SETENV STRCHRNUL STRERROR STRNDUP STRNLEN UNSETENV; do
    flags+=("-DHAVE_$has=1")
  done
  flags+=("-DPACKAGE_VERSION=\"$(pkg-config --modversion pacemaker)\"")
  mapfile -t -O "${#flags[@]}" flags < <(pkg-config --cflags "${libraries[@]}" | xargs -n 1)
  mapfile -t libraries < <(pkg-config --libs "${libraries[@]}" | xargs -n 1)
  # The tree's include first: the headers of one source, internal and not.
  cc -O1 -w -I "$scratch" -I "$1/include" "${flags[@]}" "$1/daemons/execd/cts-exec-helper.c" \
    -o "$2" "${libraries[@]}" || status=$?
  rm -rf "$scratch"
  return "$status"
}

# remote_daemon REMOTED NODE: pacemaker_remote's daemon and unit, which Debian's packages do
# not let stand beside pacemaker's: nodes become remote nodes in some tests.
remote_daemon() {
  local tree unit units=usr/lib/systemd/system
  if [[ $1 == /usr/sbin/pacemaker-remoted ]]; then
    return
  fi
  # The tree of the package that was unpacked (fetch_remoted).
  tree=${1%/usr/sbin/pacemaker-remoted}
  unit=$(find "$tree" -path '*/systemd/system/pacemaker_remote.service' -print -quit)
  [[ -n $unit ]] || die 3 "no unit of pacemaker_remote beside $1" "remove $tree, and try again"
  mkdir -p "$2/$units"
  cp "$unit" "$2/$units/"
  cp "$1" "$2/usr/sbin/"
}
