#!/usr/bin/env bash
# excerpt.sh FILE BYTES: a Markdown file, cut behind a line when it is longer than a service takes.
set -euo pipefail
LC_ALL=C awk -v limit="$2" '
    { size += length($0) + 1 }
    size > limit { print "\n*Cut here: the run directory has all of it.*"; exit }
    { print }
' "$1"
