# shellcheck shell=bash
# What ./run bench does. Sourced by ./run, after tools/setup.sh.

# bench [--full] [QUESTION...]: builds in build-bench/, asks each question, writes a report.
bench() {
  local folder=build-bench form=() questions=() question failed=()
  for question in "$@"; do
    case $question in
      --full) form=(--full) ;;
      -*) usage >&2 && exit 2 ;;
      *) questions+=("$question") ;;
    esac
  done
  install_missing "${build_packages[@]}" "${bench_packages[@]}"

  say "building in $folder/"
  configure_plain "$folder" -Dbench=true -Dtests=false -Dcommand=false
  compile "$folder" bench-programs
  if ((${#questions[@]} == 0)); then
    mapfile -t questions < <(find "$folder/bench" -maxdepth 1 -type f -executable -printf '%f\n' | sort)
    rm -rf "$folder/figures"
  fi

  rm -rf "$folder/data"
  mkdir -p "$folder/data" "$folder/figures"
  for question in "${questions[@]}"; do
    [[ -x $folder/bench/$question ]] || fail "bench: there is no question $question"
    say "$question"
    "$folder/bench/$question" "$folder/data" "${form[@]}" --json "$folder/figures/$question.json" ||
      failed+=("$question")
    rm -rf "$folder/data"/*
  done
  say "library_size"
  bench/library_size.py "$folder/src/libholdfast.so" --json "$folder/figures/library_size.json"

  bench/report.py "$folder/figures" --html "$folder/report.html"
  say "done in $SECONDS s"
  ((${#failed[@]} == 0)) || fail "these questions failed: ${failed[*]}"
  echo "the report  $PWD/$folder/report.html"
}
