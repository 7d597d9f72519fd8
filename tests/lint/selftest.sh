#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each lint script passes on a tiny clean tree and fails, naming file, line and
# rule, when one violation is planted in it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
bad=0 done=0

clean_tree() {
    rm -rf "$tmp/tree"
    mkdir -p "$tmp/tree/mod_flow/base" "$tmp/tree/mod_flow/data" \
        "$tmp/tree/mod_flow/script" "$tmp/tree/mod_flow/flow" \
        "$tmp/tree/mod_flow/httpd" "$tmp/tree/connectors" "$tmp/tree/docs" \
        "$tmp/tree/conf"
    cd "$tmp/tree" || exit 2
    cat >mod_flow/base/flow_a.h <<'END'
#ifndef FLOW_A_H
#define FLOW_A_H
#include <stddef.h>
/* may strcpy() be named in a comment? yes */
size_t flow_a(const char *text);
#endif
END
    cat >mod_flow/base/flow_a.c <<'END'
#include "base/flow_a.h"

#include <curl/curl.h>

size_t flow_a(const char *text)
{
    const char *quote = "a \" sprintf( in a string";

    return quote[0] == text[0];
}
END
    cat >mod_flow/script/flow_s.c <<'END'
#include "base/flow_a.h"
#include "data/flow_json.h"
END
    cat >mod_flow/httpd/mod_flow.c <<'END'
#include <httpd.h>
#include "base/flow_a.h"
static const command_rec commands[] = {
    AP_INIT_TAKE1("FlowOne", one, NULL, RSRC_CONF, "one"),
    AP_INIT_RAW_ARGS(
        "<FlowTwo", two, NULL, RSRC_CONF, "two"),
    { NULL },
};
void f(void)
{
    log(FLOW_LOGNO(0101) "text");
}
END
    cat >connectors/c.c <<'END'
#include "flow/flow_connector.h"
END
    printf '# Directives\n\n## FlowOne\n\n## <FlowTwo>\n' >docs/directives.md
    printf '# Messages\n\n## FLOW0101  text\n' >docs/messages.md
    printf '# Flows are\nFlowOne 1\n#<FlowTwo x>\n#</FlowTwo>\n' >conf/flow.conf
}

# try SCRIPT WANTED FILE LINE: append LINE to FILE of a clean tree; SCRIPT must
# fail and print a line that matches WANTED.
try() {
    clean_tree
    printf '%s\n' "$4" >>"$3"
    expect "$1" "$2"
}
expect() {
    done=$((done + 1))
    if sh "$here/$1.sh" >"$tmp/out" 2>&1; then
        echo "selftest: $1.sh did not see: $2"
        bad=$((bad + 1))
    elif ! grep -qE "$2" "$tmp/out"; then
        echo "selftest: $1.sh said, instead of: $2"
        cat "$tmp/out"
        bad=$((bad + 1))
    fi
}

for script in layers banned headers directives messages size words; do
    clean_tree
    if ! sh "$here/$script.sh" >"$tmp/out" 2>&1; then
        echo "selftest: $script.sh complains about a clean tree:"
        cat "$tmp/out"
        bad=$((bad + 1))
    fi
done

a=mod_flow/base/flow_a.c
at='^mod_flow/base/flow_a.c:11: '
try layers "$at"'base/ must not include' $a '#include "data/flow_json.h"'
try layers "$at"'base/ must not include' $a '#include "flow_a.h"'
try layers "$at"'<httpd.h> belongs in httpd/' $a '#include <httpd.h>'
try layers "$at"'<mujs.h> belongs in script/' $a '#  include <mujs.h>'
try layers 'flow_s.c:3: script/ must not' mod_flow/script/flow_s.c \
    '#include "data/flow_path.h"'
try layers 'flow_s.c:3: <openssl/hmac.h> belongs' mod_flow/script/flow_s.c \
    '#include <openssl/hmac.h>'
try layers 'connectors/c.c:2: connectors/ must' connectors/c.c \
    '#include "jobs/flow_jobs.h"'
try layers 'connectors/c.c:2: connectors/ must' connectors/c.c \
    '#include "flow/flow_run_private.h"'
try layers 'connectors/c.c:2: <libxml/tree.h> belongs' connectors/c.c \
    '#include <libxml/tree.h>'

try banned "$at"'banned function' $a 'int x = sprintf(b, "%s", c);'
try banned "$at"'banned function' $a '/* c */ strncpy (a, b, 3);'
try banned "$at"'banned function' $a 'int n = atoi("3");'
try banned "$at"'.*threads' $a 'localtime(&t);'
try banned "$at"'.*flow_log' $a 'printf("x");'
try banned "$at"'.*exact' $a 's = json_string_value(v);'
try banned "$at"'.*exact' $a 'if (json_is_number(v)) {'
try banned "$at"'.*end the process' $a 'abort();'
try banned "$at"'.*httpd/' $a 'ap_rputs(x, r);'
try banned "$at"'.*apr_time_now' $a 'now = time(NULL);'
try banned "$at"'no assert' $a 'assert(x);'

try headers '^mod_flow/base/flow_a.h:7: .*apr_pool_t' mod_flow/base/flow_a.h \
    'void flow_b(apr_pool_t *p);'
try headers '^mod_flow/base/flow_a.h:7: .*redefinition' mod_flow/base/flow_a.h \
    'struct flow_twice { int x; };'

try directives "mod_flow.c:13: 'FlowNew' does not stand in" \
    mod_flow/httpd/mod_flow.c 'AP_INIT_FLAG("FlowNew", new'
try directives "mod_flow.c:13: 'FlowNew' has no section" \
    mod_flow/httpd/mod_flow.c 'AP_INIT_FLAG("FlowNew", new'
try directives "docs/directives.md:6: 'FlowOld' is no directive" \
    docs/directives.md '## FlowOld'
try directives "conf/flow.conf:5: 'FlowOld' is no directive" \
    conf/flow.conf '  # FlowOld 1'
try directives "'FlowOne' is described twice" docs/directives.md '## FlowOne'

try messages 'mod_flow.c:13: FLOW0102 is not in' mod_flow/httpd/mod_flow.c \
    'log(FLOW_LOGNO(0102) "text")'
try messages 'flow_a.c:11: FLOW0101 stands here too|mod_flow.c:11: FLOW0101' \
    $a 'log(FLOW_LOGNO(0101) "text")'
try messages 'messages.md:4: FLOW0999 is logged nowhere' docs/messages.md \
    '## FLOW0999'
try messages 'messages.md:[34]: FLOW0101 stands here too' docs/messages.md \
    '## FLOW0101'
try messages 'FLOW1234 is in no range' $a 'log(FLOW_LOGNO(1234) "text")'

body=$(awk 'BEGIN { for (i = 0; i < 80; ++i) print "    x();" }')
try size "$at"'function of 83 lines' $a "void g(void)
{
$body
}"
clean_tree
awk 'BEGIN { for (i = 0; i < 600; ++i) print "int a;" }' >>$a
expect size '^mod_flow/base/flow_a.c:610: file of 610 lines'

try words 'conf/flow.conf:5: finish it' conf/flow.conf '# TODO'
home=home # said in pieces: words.sh is not the only one who looks
try words 'conf/flow.conf:5: path of one' conf/flow.conf "FlowOne /$home/me"
try words 'conf/flow.conf:5: host of a' conf/flow.conf '# deb.debian.org'
try words 'conf/flow.conf:5: number of' conf/flow.conf '# see issue 2'

# what a reason excuses
clean_tree
printf '/* size: a table of states */\nvoid g(void)\n{\n%s\n}\n' "$body" >>$a
if ! sh "$here/size.sh" >"$tmp/out"; then
    echo "selftest: size.sh does not accept a reason"
    bad=$((bad + 1))
fi

echo "selftest: $done violations planted, $bad wrong"
[ $bad -eq 0 ]
