#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Functions that nobody calls here, and why.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

ban() { # file, names separated by |, rule
    grep -nE "(^|[^A-Za-z0-9_])($2)[ \t]*\(" "$text" | report "$1" "$3"
}

text=$(mktemp) || exit 2
trap 'rm -f "$found" "$text"' EXIT
for file in $(c_files); do
    code "$file" >"$text"
    ban "$file" 'v?sprintf|strcpy|strcat|strncpy|strtok|gets' \
        'banned function: no bound, or a surprising one'
    ban "$file" 'ato[fil]|atoll' 'banned function: cannot tell what is no number'
    ban "$file" 'system|popen' 'banned function: runs a shell'
    ban "$file" 'localtime|gmtime|ctime|asctime|s?rand|setlocale|setenv|putenv' \
        'banned function: shared state, and we have threads'
    ban "$file" 'assert' 'no assert: input is checked, not asserted'

    case $file in
    mod_flow/data/flow_json*.[ch]) ;;
    *) ban "$file" "json_(is_(string|number|integer|real)|typeof|unpack(_ex)?|\
(string|integer|real|number)_value|string_length|load(s|b|f|fd|_file|_callback)|\
dump(s|b|f|fd|_file|_callback))" \
        'numbers are exact only through flow_json_*, see data/flow_json.h' ;;
    esac

    case $file in
    mod_flow/httpd/* | mod_flow/flowctl/*) ;;
    *)
        ban "$file" 'f?printf|vf?printf|f?puts|putchar|perror' \
            'below httpd/ only flow_log() speaks'
        ban "$file" 'ap_[a-z_]+' "httpd's functions stay in httpd/"
        ;;
    esac
    case $file in
    # flowctl is a program; what is in mujs/ becomes a part of mujs; a child
    # whose threads do not end leaves without cleanups
    mod_flow/flowctl/* | mod_flow/script/mujs/* | \
        mod_flow/httpd/mod_flow_child.c) ;;
    *)
        ban "$file" '_?exit|abort' 'a library does not end the process'
        ban "$file" 'time' 'time is apr_time_now(), or better a parameter'
        ;;
    esac
done
verdict
