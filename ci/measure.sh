#!/usr/bin/env bash
# One measurement of a CI job. Variables say what, so that nothing of a job's input is ever part of
# a script. Lists are separated by blanks or line breaks; quotes keep together what has blanks.
#
#   MEASURE_OUT             folder of the run
#   MEASURE_RESUME          true: a run that is there already is gone on with, as it was begun
#   MEASURE_WORKLOADS       list: names, or folders with a workload.toml
#   MEASURE_TARGETS         list
#   MEASURE_PROFILE         quick, default, thorough
#   MEASURE_PYTHON          native interpreter
#   MEASURE_BASE_WORKLOADS  folder of the old versions of the workloads
#   MEASURE_BASE_PYTHON     native interpreter of the old version
#   MEASURE_BASELINE        a saved run: its directory, or its exported figures
#   MEASURE_UNTIL_DECIDED   when comparing: at most that long
#   MEASURE_MIN_EFFECT      when comparing: the smallest change that matters
#   MEASURE_FAIL_ON         when comparing: what ends with exit code 6
#   MEASURE_ARGUMENTS       list: further options of `wasmfit bench`
#
# What is not set is not passed on. The exit code is that of `wasmfit bench`.
set -euo pipefail
wasmfit=$(cd "$(dirname "$0")/.." && pwd)/target/release/wasmfit
out=${MEASURE_OUT:-wasmfit-run}

if [ "${MEASURE_RESUME:-}" = true ] && [ -e "$out/run.json" ]; then
    exec "$wasmfit" bench --resume="$out"
fi

options=("--out=$out")

# each OPTION= LIST: the option once for every word of the list
each() {
    local words word
    words=$(xargs -r printf '%s\n' <<< "$2") || exit 2
    while IFS= read -r word; do
        [ -z "$word" ] || options+=("$1$word")
    done <<< "$words"
}

# one OPTION VALUE: the option, unless the value is empty
one() {
    [ -z "$2" ] || options+=("$1=$2")
}

each --workload= "${MEASURE_WORKLOADS:-}"
each --target= "${MEASURE_TARGETS:-}"
one --profile "${MEASURE_PROFILE:-}"
one --python "${MEASURE_PYTHON:-}"
one --base-workloads "${MEASURE_BASE_WORKLOADS:-}"
one --base-python "${MEASURE_BASE_PYTHON:-}"
one --baseline "${MEASURE_BASELINE:-}"
each '' "${MEASURE_ARGUMENTS:-}"
if [[ ${options[*]} == *--base* ]]; then
    one --until-decided "${MEASURE_UNTIL_DECIDED:-}"
    one --min-effect "${MEASURE_MIN_EFFECT:-}"
    one --fail-on "${MEASURE_FAIL_ON:-}"
fi
exec "$wasmfit" bench "${options[@]}"
