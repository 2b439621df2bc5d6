#!/bin/bash
# Runs the fuzzers of a build folder side by side, each over its seeds, the corpus, and what it has learnt before.
#
# usage: tests/fuzz/fuzz.sh BUILD SECONDS TARGET...     SECONDS for all of them together, on all cores
#
# What a fuzzer learns stays in BUILD/fuzz/learnt/TARGET. An input that ends it stays in BUILD/fuzz/found/TARGET:
# mend the library, then keep the input in tests/fuzz/corpus/TARGET.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
build=$(readlink -f "$1")
targets=("${@:3}")
jobs=$(nproc)
export here build
# A soak has HOLDFAST_HARNESS as a number; less than a second each is no fuzzing.
seconds=$(awk -v all="$2" -v jobs="$jobs" -v targets="${#targets[@]}" -v scale="${HOLDFAST_HARNESS:-1}" '
  BEGIN { each = all * jobs / targets * (scale + 0 > 0 ? scale : 1); print int(each < 1 ? 1 : each) }')
export seconds
# SQLite is not instrumented, and unwinding through it at each allocation would take most of the time.
export ASAN_OPTIONS=detect_leaks=1:malloc_context_size=4:quarantine_size_mb=32
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

"$build/tests/fuzz/fuzz_replay" "$here/corpus" --write "$build/fuzz/seeds"

fuzz_one() {
  local target=$1 learnt=$build/fuzz/learnt/$1 found=$build/fuzz/found/$1 log=$build/fuzz/$1.log
  local folders=("$learnt" "$build/fuzz/seeds/$target")
  mkdir -p "$learnt" "$found"
  [[ ! -d $here/corpus/$target ]] || folders+=("$here/corpus/$target")
  if "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
    -max_len=200000 -artifact_prefix="$found/" -print_final_stats=1 "${folders[@]}" >"$log" 2>&1; then
    printf '%-9s %8d inputs in %s s, nothing found\n' "$target" \
      "$(awk '/number_of_executed_units/ { print $2 }' "$log")" "$seconds"
  else
    tail -n 60 "$log"
    printf '%-9s FOUND, see %s and %s\n' "$target" "$found" "$log"
    return 1
  fi
}
export -f fuzz_one
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} bash -c 'fuzz_one {}'
