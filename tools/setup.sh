# shellcheck shell=bash disable=SC2034
# What ./run and ./check share: packages, configuration, compilation. Sourced, with the project's
# folder as working directory.

export LC_ALL=C.UTF-8
jobs=$(nproc)

# Needed to build the library, the command, the examples and the tests.
build_packages=(
  g++ meson ninja-build pkg-config
  libsqlite3-dev libsqlitecpp-dev libzstd-dev libxxhash-dev libssl-dev nlohmann-json3-dev
  libcli11-dev libfmt-dev libspdlog-dev catch2
  sqlite3 zstd
)
# The rivals of ./run bench.
bench_packages=(liblmdb-dev libleveldb-dev librocksdb-dev python3)
# Needed by ./check all on top of them.
lint_packages=(clang libclang-rt-14-dev clang-format-14 clang-tidy-14)

say() { printf '\n==> %s\n' "$*"; }

fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Installs those of the named Debian packages that are missing. Costs milliseconds when none is.
install_missing() {
  command -v dpkg-query >/dev/null || {
    echo "This is no Debian system: expecting these to be installed by other means: $*"
    return 0
  }
  local package present missing=()
  present=" $(dpkg-query -W -f='${db:Status-Status}:${Package} ' "$@" 2>/dev/null || true)"
  for package in "$@"; do
    [[ $present == *" installed:$package "* ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  say "installing Debian packages: ${missing[*]}"
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "needs root, or sudo, to install: ${missing[*]}"
    as_root=(sudo)
  fi
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y)
  "${apt[@]}" update
  "${apt[@]}" install --no-install-recommends "${missing[@]}"
}

# configure FOLDER OPTION...: a build folder with these options, made anew when they have changed. One
# that somebody made by hand is taken as it is.
configure() {
  local folder=$1 wanted="${CXX:-} ${*:2}"
  if [[ -f $folder/build.ninja ]]; then
    [[ -f $folder/configured-as && $(<"$folder/configured-as") != "$wanted" ]] || return 0
  fi
  rm -rf "$folder"
  meson setup "$folder" "${@:2}" >"$folder.setup.log" 2>&1 || {
    cat "$folder.setup.log"
    return 1
  }
  mv "$folder.setup.log" "$folder/meson-logs/setup.log"
  printf '%s\n' "$wanted" >"$folder/configured-as"
}

# compile FOLDER [TARGET...]: a terminal sees ninja's own progress line, a log a line per tenth.
compile() {
  if [[ -t 1 ]]; then
    ninja -C "$1" -j "$jobs" "${@:2}"
  else
    NINJA_STATUS='[%p] ' ninja -C "$1" -j "$jobs" "${@:2}" 2>&1 | awk '
      /^\[ *[0-9]+%\] / {
        percent = $0; gsub(/^\[ *|%.*$/, "", percent)
        if (percent - shown >= 10) { print; fflush(); shown = percent }
        next
      }
      { print; fflush() }'
  fi
}

# How the plain build is configured. Its warnings are errors with the compiler that the project is
# checked with; a newer one may know warnings that nobody has seen yet.
# configure_plain [FOLDER OPTION...]
configure_plain() {
  local options=(-Dbuildtype=release -Doptimization=2)
  [[ $(c++ -dumpfullversion -dumpversion 2>/dev/null) != 12.* ]] || options+=(-Dwerror=true)
  configure "${1:-build}" "${options[@]}" "${@:2}"
}
