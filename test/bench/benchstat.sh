#!/bin/bash
# Runs the micro-benchmarks of the hot paths of a revision and of the working
# tree, in turns, and compares them with benchstat.
#
#	benchstat.sh REVISION [NAMES [TURNS]]
#
# NAMES is a list of benchmarks, separated by commas; the default is every hot
# path that this script knows. benchstat needs at least six turns, a few minutes,
# for a confidence interval; a busy machine needs more. GO and BENCHSTAT (a
# package with a version) come from the environment.
#
# Each tree is searched for the packages that have these benchmarks, and
# benchstat compares by the name of the benchmark alone, so that a package may
# have moved since REVISION. A benchmark that only one of the two has stands
# alone.
set -euo pipefail
cd "$(dirname "$0")/../.."

base=${1:?a revision is needed: make bench-compare BASE=HEAD~20}
names=${2:-Append,Lookup,Apply,Message,Sign,Chain,Listing}
turns=${3:-6}

dir=$(mktemp -d)
end() {
    git worktree remove --force "$dir/base" 2>/dev/null || true
    rm -rf "$dir"
    git worktree prune
}
trap end EXIT
trap 'exit 1' INT TERM
git worktree add -q --detach "$dir/base" "$base"

# packages TREE lists its folders that have one of the benchmarks.
packages() {
    (cd "$1" && grep -rlE "^func Benchmark(${names//,/|})\(" --include='*_test.go' zone plugin serf | xargs -r -n 1 dirname | sort -u)
}
# build TREE NAME
build() {
    for p in $(packages "$1"); do
        (cd "$1" && "${GO:-go}" test -c -o "$dir/$2-${p//\//-}" "./$p")
    done
}
# turn TREE NAME
turn() {
    for p in $(packages "$1"); do
        (cd "$1/$p" && "$dir/$2-${p//\//-}" -test.run '^$' -test.bench "^Benchmark(${names//,/|})\$" -test.benchtime 100ms -test.benchmem) >>"$dir/$2"
    done
}
build "$dir/base" before
build . after
for ((i = 1; i <= turns; i++)); do
    echo "turn $i of $turns" >&2
    turn "$dir/base" before
    turn . after
done
"${GO:-go}" run "$BENCHSTAT" -ignore pkg "before=$dir/before" "after=$dir/after"
