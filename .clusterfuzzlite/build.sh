#!/bin/bash -eu
# Builds every fuzz target into $OUT, with its seeds, options and dictionary.
# Called by ClusterFuzzLite and OSS-Fuzz, which set:
#   OUT        where programs go
#   SANITIZER  address, coverage or none

: "${OUT:?where to put the programs}"
: "${SANITIZER:=address}"

cd "$(dirname "$0")/.."
if [ ! -d fuzz ]; then
    cd "${SRC:?the folder of the sources}/seqfault"
fi

mkdir -p "$OUT"
cargo run --quiet --release -p seqfault-ci -- fuzz-build --out "$OUT" --sanitizer "$SANITIZER"

# `fuzz-build` has made the seeds.
for seeds in fuzz/seeds/*; do
    (cd "$seeds" && zip --quiet --recurse-paths - .) > "$OUT/$(basename "$seeds")_seed_corpus.zip"
done
cp fuzz/options/*.options fuzz/dictionaries/*.dict "$OUT/"
