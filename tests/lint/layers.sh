#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Includes point down only: httpd -> jobs -> flow -> {data, script} -> base;
# connectors see flow/'s public headers. One foreign library, one room.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

allowed() { # room, included header
    case $1:$2 in
    *:*/*) ;;
    *) return 1 ;;
    esac
    case $1:$2 in
    "$1:$1/"*) return 0 ;;
    *_private.h) return 1 ;;
    *:base/*) return 0 ;;
    script:data/flow_json.h) return 0 ;;
    connectors:data/* | connectors:flow/*) return 0 ;;
    flow:data/* | flow:script/*) return 0 ;;
    jobs:data/* | jobs:script/* | jobs:flow/*) return 0 ;;
    flowctl:httpd/*) return 1 ;;
    httpd:flowctl/*) return 1 ;;
    httpd:* | flowctl:*) return 0 ;;
    esac
    return 1
}

# The rooms that may include a foreign header; empty: every one.
foreign() {
    case $1 in
    curl/*) echo base ;;
    openssl/*) echo base ;;
    mujs.h | jsi.h | jsflow.h | jses.h) echo script ;;
    apr_dbd.h) echo "jobs connectors" ;;
    libxml/* | zlib.h | zip.h) echo data ;;
    httpd.h | http_*.h | ap_*.h | mod_*.h | util_filter.h | util_script.h | \
        util_mutex.h | scoreboard.h | mpm_common.h | unixd.h) echo httpd ;;
    esac
}

for file in $(c_files); do
    room=${file#mod_flow/}
    room=${room%%/*}
    grep -n '^[ \t]*#[ \t]*include' "$file" |
        sed -n 's/^\([0-9]*\):[^"<]*\(["<]\)\([^">]*\)[">].*/\1 \2 \3/p' |
        while read -r line mark header; do
            rooms=$(foreign "$header")
            if [ -n "$rooms" ]; then
                case " $rooms " in
                *" $room "*) ;;
                *) echo "$file:$line: <$header> belongs in $rooms/" \
                    "and nowhere else" ;;
                esac
            elif [ "$mark" = '"' ] && ! allowed "$room" "$header"; then
                echo "$file:$line: $room/ must not include \"$header\""
            fi
        done >>"$found"
done
verdict
