#!/bin/bash
# Installs the library into a folder of its own and compiles programs against what is there, as a
# distribution's user would: through pkg-config, with both compilers and every warning an error.
# usage: installed.sh SCRATCH-FOLDER
set -euo pipefail
scratch=$1
cd "$(dirname "$(readlink -f "$0")")/../.."
root=$PWD
source tools/setup.sh

configure_plain
compile build
rm -rf "$scratch"
mkdir -p "$scratch"
DESTDIR="$scratch/root" meson install -C build --no-rebuild --quiet
libdir=$(dirname "$(find "$scratch/root" -name pkgconfig -path '*/lib*')")
export PKG_CONFIG_PATH="$libdir/pkgconfig"
# As if it had been installed with the scratch folder in front of its prefix.
moved="$scratch/root$(pkg-config --variable=prefix holdfast)"
flags() { pkg-config --define-variable=prefix="$moved" "$@" holdfast; }

programs=(tests/package/*.cpp)
if [[ -f README.md ]]; then
  awk '/^```/ { inside = !inside && /^```cpp/ && !seen++; next } inside' README.md >"$scratch/readme.cpp"
  [[ ! -s $scratch/readme.cpp ]] || programs+=("$scratch/readme.cpp")
fi

strict=(-std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
cd "$scratch"
try() { # try NAME COMMAND...: compiles a program and runs it in a folder of its own
  "${@:2}" -o "$1" || { echo "$1: does not compile" >&2 && return 1; }
  mkdir -p "$1.run"
  (cd "$1.run" && LD_LIBRARY_PATH="$libdir" "../$1") || { echo "$1: exit status $?" >&2 && return 1; }
}
for program in "${programs[@]}"; do
  [[ $program == /* ]] || program="$root/$program"
  name=$(basename "$program" .cpp)
  for compiler in g++ clang++; do
    read -ra shared <<<"$(flags --cflags --libs)"
    try "$name-$compiler" "$compiler" "${strict[@]}" "$program" "${shared[@]}"
    read -ra static <<<"$(flags --cflags --libs --static)"
    try "$name-$compiler-static" "$compiler" "${strict[@]}" "$program" \
      "${static[@]/#-lholdfast/-l:libholdfast.a}"
  done
done

# Each header stands alone.
for header in "$moved"/include/holdfast/*.hpp; do
  for compiler in g++ clang++; do
    "$compiler" "${strict[@]}" -I "$moved/include" -fsyntax-only -x c++ - \
      <<<"#include <holdfast/${header##*/}>" || { echo "$header: does not stand alone" >&2 && exit 1; }
  done
done

# The library offers its own names and what the standard library makes visible; SQLite and SQLiteCpp
# must not appear, or they would stand in for a host's own.
foreign=$(nm -D --defined-only "$libdir/libholdfast.so" | awk '{ print $NF }' |
  grep -E '^(sqlite3_|ZSTD_|XXH|_ZNK?(6SQLite|6spdlog|3fmt|8nlohmann))' || true)
[[ -z $foreign ]] || { echo "the library exports: $foreign" >&2 && exit 1; }
echo "installed: ${#programs[@]} programs, g++ and clang++, shared and static"
