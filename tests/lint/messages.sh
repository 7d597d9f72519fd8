#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every FLOW_LOGNO(nnnn) stands once in the code and once, as "## FLOWnnnn", in
# docs/messages.md, and nothing else stands there.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

docs=docs/messages.md
[ -f $docs ] || echo "$docs:1: is missing" >>"$found"

# "file:line:nnnn"
in_code=$(c_files | xargs grep -noE 'FLOW_LOGNO\([0-9]+\)' /dev/null |
    sed 's/FLOW_LOGNO(\([0-9]*\))/\1/')
in_docs=$(grep -nE '^## *FLOW[0-9]+' $docs 2>/dev/null |
    sed "s|^\([0-9]*\):## *FLOW\([0-9]*\).*|$docs:\1:\2|")

missing() { # entries, entries, what to say
    for entry in $1; do
        number=${entry##*:}
        printf '%s\n' "$2" | grep -q ":$number\$" ||
            echo "${entry%:*}: FLOW$number $3" >>"$found"
    done
}
twice() { # entries
    printf '%s\n' "$1" | sort -t : -k 3 | awk -F : '
    NF == 3 && $3 == last { print $1 ":" $2 ": FLOW" $3 " stands here too" }
    { last = $3 }' >>"$found"
}
missing "$in_code" "$in_docs" "is not in $docs"
missing "$in_docs" "$in_code" "is logged nowhere"
twice "$in_code"
twice "$in_docs"

for entry in $in_code; do
    case ${entry##*:} in
    0[1-9][0-9][0-9]) ;;
    *) echo "${entry%:*}: FLOW${entry##*:} is in no range of flow_log.h" \
        >>"$found" ;;
    esac
done
verdict
