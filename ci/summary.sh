#!/usr/bin/env bash
# summary.sh RUN_DIR EXIT_CODE: a job's summary, in Markdown. GitHub takes 1 MiB of a step.
set -euo pipefail
case $2 in
    0) ;;
    1) echo '**A cell could not be measured**: the report says which and why.' ;;
    6) echo '**The comparison failed this job.**' ;;
    130) echo '**Interrupted**: what was measured is kept.' ;;
    *) echo "**wasmfit ended with exit code $2**: the log of the step says why." ;;
esac
[ "$2" -eq 0 ] || echo
for document in comparison.md report.md; do
    if [ -f "$1/$document" ]; then
        exec "$(dirname "$0")/excerpt.sh" "$1/$document" 1000000
    fi
done
