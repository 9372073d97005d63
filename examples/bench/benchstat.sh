#!/bin/bash
# Runs the micro-benchmarks of the hot paths of a revision and of the working
# tree, in turns, and lets benchstat compare them.
#
#	benchstat.sh REVISION [NAMES [TURNS]]
#
# NAMES, with commas between them, are the benchmarks, else all that this script
# knows. Six turns, a few minutes, are the fewest that benchstat gives a confidence interval for; on
# a busy machine more are better. GO and BENCHSTAT (a package with a version)
# come from the environment. A benchmark that the revision does not have stands
# alone.
set -euo pipefail
cd "$(dirname "$0")/../.."

base=${1:?a revision is needed: make bench-compare BASE=HEAD~20}
names=${2:-Append,Lookup,Apply,Message,Sign,Chain,Listing}
turns=${3:-6}
packages="zone zone/xfr zone/dnssec plugin/federation plugin/federation/ami"

dir=$(mktemp -d)
end() {
    git worktree remove --force "$dir/base" 2>/dev/null || true
    rm -rf "$dir"
    git worktree prune
}
trap end EXIT
trap 'exit 1' INT TERM
git worktree add -q --detach "$dir/base" "$base"

# build TREE NAME
build() {
    for p in $packages; do
        [ ! -d "$1/$p" ] || (cd "$1" && "${GO:-go}" test -c -o "$dir/$2-${p//\//-}" "./$p")
    done
}
# turn TREE NAME
turn() {
    for p in $packages; do
        bin=$dir/$2-${p//\//-}
        [ ! -x "$bin" ] || (cd "$1/$p" && "$bin" -test.run '^$' -test.bench "^Benchmark(${names//,/|})\$" -test.benchtime 100ms -test.benchmem) >>"$dir/$2"
    done
}
build "$dir/base" before
build . after
for ((i = 1; i <= turns; i++)); do
    echo "turn $i of $turns" >&2
    turn "$dir/base" before
    turn . after
done
"${GO:-go}" run "$BENCHSTAT" "before=$dir/before" "after=$dir/after"
