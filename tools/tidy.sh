#!/bin/bash
# clang-tidy over src/ and the headers that it includes: tools/tidy.sh BUILD JOBS. BUILD is configured.
#
# Most of its time goes into headers that all sources share, so several sources are read as one, taken
# from all over the tree. Those that cannot be (two use one name for different things) are read alone.
set -euo pipefail

build=$1 jobs=$2
together=5
folder=$build/tidy
flags=(-std=c++20 -Iinclude -Isrc "-I$build/include" "-I$build/schema" "-I$build/src")

if [[ ${3:-} ]]; then # one group, in a process of its own
  out=$(clang-tidy-14 -quiet "$3" -- "${flags[@]}" 2>/dev/null) && exit 0
  if [[ $out == *clang-diagnostic-error* ]]; then
    out='' status=0
    while IFS='"' read -r _ source _; do
      out+=$(clang-tidy-14 -quiet "$source" -- "${flags[@]}" 2>/dev/null) || status=1
    done <"$3"
    ((status)) || exit 0
  fi
  printf '%s\n' "$out"
  exit 1
fi

rm -rf "$folder" && mkdir -p "$folder"
mapfile -t sources < <(find "$PWD/src" -name '*.cpp' | sort)
groups=$(((${#sources[@]} + together - 1) / together))
for index in "${!sources[@]}"; do
  printf '#include "%s"\n' "${sources[index]}" >>"$folder/$((index % groups)).cpp"
done
find "$folder" -name '*.cpp' | sort | xargs -P "$jobs" -I '{}' "$0" "$build" 1 '{}'
