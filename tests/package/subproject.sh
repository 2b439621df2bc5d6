#!/bin/bash
# Uses the project as meson subproject of another one, which asks for dependency('holdfast').
# usage: subproject.sh SCRATCH-FOLDER
set -euo pipefail
root=$(readlink -f "$(dirname "$(readlink -f "$0")")/../..")
scratch=$1

rm -rf "$scratch/host"
mkdir -p "$scratch/host/subprojects"
cp "$root"/tests/package/subproject/meson.build "$root"/tests/package/version.cpp "$scratch/host"
# A copy, as a wrap would fetch it: the sources without anything that was built.
mkdir "$scratch/host/subprojects/holdfast"
(cd "$root" && tar -c --exclude='./build*' --exclude=./.git .) |
  tar -x -C "$scratch/host/subprojects/holdfast"

cd "$scratch/host"
meson setup build -Dbuildtype=debug -Ddefault_library=static >setup.log || { cat setup.log && exit 1; }
ninja -C build >ninja.log || { tail -40 ninja.log && exit 1; }
build/host
echo "subproject: built and run"
