#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every directive of the command tables has its "## Name" in docs/directives.md
# and stands in conf/flow.conf (perhaps commented out), and the other way round.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

docs=docs/directives.md
conf=conf/flow.conf
[ -f $docs ] || echo "$docs:1: is missing" >>"$found"
[ -f $conf ] || echo "$conf:1: is missing" >>"$found"

# "file:line:Name" of each, sections without their angle brackets.
in_code() {
    for file in $(c_files mod_flow/httpd); do
        awk -v file="$file" '
        {
            text = $0
            # AP_INIT_TAKE1( may end the line that its name begins
            if (wrapped) { text = "AP_INIT_X(" text }
            wrapped = /AP_INIT_[A-Z0-9_]*\([ \t]*$/
            while (match(text, /AP_INIT_[A-Z0-9_]*\([ \t]*"<?[A-Za-z]+/)) {
                name = substr(text, RSTART, RLENGTH)
                text = substr(text, RSTART + RLENGTH)
                sub(/.*"<?/, "", name)
                print file ":" NR ":" name
            }
        }' "$file"
    done
}
in_docs() {
    grep -nE '^## ' $docs | sed -n \
        "s|^\([0-9]*\):## *[\`\\\\]*<*\([A-Za-z]*\).*|$docs:\1:\2|p"
}
in_conf() {
    # "# Flows are ..." is prose
    grep -nE '^[# \t]*(<?Flow[A-Z]|<Flow[ \t])' $conf | sed -n \
        "s|^\([0-9]*\):[# \t]*<*\(Flow[A-Za-z]*\).*|$conf:\1:\2|p"
}

code_names=$(in_code)
docs_names=$(in_docs 2>/dev/null)
conf_names=$(in_conf 2>/dev/null)

missing() { # names that want, names that have, what to say
    for entry in $1; do
        name=${entry##*:}
        printf '%s\n' "$2" | grep -q ":$name\$" ||
            echo "${entry%:*}: '$name' $3" >>"$found"
    done
}
missing "$code_names" "$docs_names" "has no section in $docs"
missing "$code_names" "$conf_names" "does not stand in $conf"
missing "$docs_names" "$code_names" "is no directive"
missing "$conf_names" "$code_names" "is no directive"

printf '%s\n' "$docs_names" | sed 's/.*://' | sort | uniq -d |
    while read -r name; do
        [ -z "$name" ] || echo "$docs:1: '$name' is described twice"
    done >>"$found"
verdict
