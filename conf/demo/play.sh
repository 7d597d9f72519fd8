#!/bin/sh
# Play the article against a running demo and check what it answers.
#
# BASE     http://127.0.0.1:8080     FLOWCTL  the flowctl program
# STATE    the demo's FlowStateDir
set -eu

failed=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mod_flow-play.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

title() {
    printf '\n=== %s\n' "$1"
}

# call WANTED-STATUS CURL-ARGUMENTS... URL: print request and answer, check
call() {
    want=$1
    shift
    printf '> curl'
    for arg in "$@"; do
        case $arg in
        "Authorization: Bearer "*) printf ' "Authorization: Bearer ..."' ;;
        *[\ \"\{]*) printf " '%s'" "$arg" ;;
        *) printf ' %s' "$arg" ;;
        esac
    done
    printf '\n'
    got=$(curl -sS --max-time 30 -o "$tmp/body" -D "$tmp/head" \
        -w '%{http_code}' "$@")
    sed -n 's/\r$//; 1s/^/< /p' "$tmp/head"
    if [ -s "$tmp/body" ]; then
        printf '< %s\n' "$(cat "$tmp/body")"
    else
        printf '< (empty body)\n'
    fi
    if [ "$got" != "$want" ]; then
        printf '! expected status %s\n' "$want"
        failed=1
    fi
}

# expect TEXT: the last answer holds it
expect() {
    if ! grep -qF -- "$1" "$tmp/body"; then
        printf '! expected %s\n' "$1"
        failed=1
    fi
}

sign() {
    printf '%s' "$1" | openssl dgst -sha256 -hmac demo-hook-key | sed 's/.*= //'
}

title "An API token, shown once and stored as a hash"
echo "> flowctl token create --name article --expires 1h --full"
token=$("$FLOWCTL" --state-dir "$STATE" token create --name article \
    --expires 1h --full)
echo "< $(printf '%.9s' "$token")..."

title "Webhook: the shop announces a customer; 204, empty body, stored first"
body='{"customerId":9007199254740993}'
call 204 -X POST "$BASE/hooks/customer-created" \
    -H 'Content-Type: application/json' \
    -H "X-Shop-Signature: sha256=$(sign "$body")" -d "$body"
if [ -s "$tmp/body" ]; then
    failed=1
fi

title "A wrong signature is refused"
call 401 -X POST "$BASE/hooks/customer-created" \
    -H 'Content-Type: application/json' \
    -H "X-Shop-Signature: sha256=00" -d "$body"

title "Moments later the flow has moved the customer from the shop to the ERP"
tries=0
while [ "$tries" -lt 50 ]; do
    curl -sS --max-time 5 -o "$tmp/body" "$BASE/erp/customers"
    grep -q ada@example.com "$tmp/body" && break
    tries=$((tries + 1))
    sleep 0.1
done
call 200 "$BASE/erp/customers"
expect '"externalId":9007199254740993'
expect '"companyName":"Ada Lovelace"'
expect '"email":"ada@example.com"'

title "My API: the article's script starts a flow and answers the article's JSON"
call 200 -X POST "$BASE/api/run-orders" -H "Authorization: Bearer $token"
expect '{"jobId":"'
expect '","exportId":"shop-orders","flowId":"order-sync","endDate":"'

title "The same call without a token"
call 401 -X POST "$BASE/api/run-orders"
expect '{"message":"Unauthorized"}'

title "Beyond the article: the flow runs to its end and the answer says how it went"
call 200 -X POST "$BASE/api/sync-now" -H "Authorization: Bearer $token"
expect '"status":"completed","moved":4,"failed":0'
expect '"total":19.9'

title "The same without a script"
call 200 -X POST "$BASE/api/flows/order-sync?wait=20" \
    -H "Authorization: Bearer $token"
expect '"numSuccess":4'

title "An export as an API"
call 200 "$BASE/api/shop-orders" -H "Authorization: Bearer $token"
expect '"errors":[]'

title "A far end that answers 200 with an error inside is recognised as failed"
call 422 -X POST "$BASE/api/legacy-orders" -H "Authorization: Bearer $token" \
    -H 'Content-Type: application/json' -d '{"id":1}'
expect 'period is closed'

title "server-status"
echo "> curl $BASE/server-status?auto | grep ^Flow"
curl -sS --max-time 5 "$BASE/server-status?auto" | grep ^Flow | sed 's/^/< /'

if [ "$failed" != 0 ]; then
    printf '\nThe play did not go as expected; see the lines that begin with !\n'
    exit 1
fi
printf '\nAll of it happened as expected.\n'
