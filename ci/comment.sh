#!/usr/bin/env bash
# comment.sh COMPARISON: a comparison as the body of a comment, of which GitHub takes 65536
# characters. The first line, which is not shown, is how a later run finds the comment again.
set -euo pipefail
echo '<!-- wasmfit -->'
exec "$(dirname "$0")/excerpt.sh" "$1" 65000
