/* SPDX-License-Identifier: Apache-2.0 */
/* size: most of it is tables of cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "data/flow_json.h"
#include "data/flow_mapping.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static json_t *parse(const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (flow_json_parse(&v, text, strlen(text), &err) != APR_SUCCESS)
        fail_msg("%s: %s", text, err.message);
    return v;
}

/* clang-format off */
#define LOOKUPS "[{\"name\":\"tiers\",\"map\":{\"A\":\"gold\",\"B\":\"silver\"}}," \
    "{\"name\":\"soft\",\"map\":{\"a\":\"A\"},\"default\":\"?\",\"allowFailures\":true}," \
    "{\"name\":\"cached\",\"_lookupCacheId\":\"c1\",\"extract\":\"$.x.y\"}," \
    "{\"name\":\"asked\",\"relativeURI\":\"/find\"}]"

/* the example of the manual */
#define ORDERS "{\"shop\":\"N1\",\"orders\":[{\"no\":7,\"items\":[{\"sku\":\"x\",\"q\":\"2\"},{\"sku\":\"y\",\"q\":\"1\"}]},{\"no\":8,\"items\":[{\"sku\":\"z\",\"q\":\"5\"}]}]}"

#define RECORD "{\"id\":9007199254740993,\"price\":19.90,\"huge\":1e400,\"qty\":\"007\",\"name\":\"Ann\",\"empty\":\"\",\"nil\":null,\"tier\":\"A\",\"none\":[],\"yes\":true,\"no\":\"false\",\"address\":{\"city\":\"Ulm\",\"zip\":\"089\"},\"tags\":[\"a\",\"b\"],\"one\":{\"k\":1},\"rows\":[[1,2],[3]],\"a.b\":5,\"text\":\"{\\\"z\\\":1.50}\",\"date\":\"01/31/2026\"}"
/* clang-format on */

static flow_mapping_t *compile_at(const char *doc_text, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *doc = parse(doc_text), *lookups = parse(LOOKUPS);
    flow_mapping_t *mapping = NULL;

    if (flow_mapping_compile(&mapping, doc, lookups, p, &err) != APR_SUCCESS)
        fail_msg("%s: %s", doc_text, err.message);
    json_decref(doc); /* a mapping keeps what it needs */
    json_decref(lookups);
    return mapping;
}

static const char *apply_with(const flow_mapping_t *mapping, const char *record,
                              const flow_mapping_env_t *env, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *in = parse(record), *out = NULL;
    const char *before = flow_json_text(in, NULL, p), *text;

    if (flow_mapping_apply_with(mapping, in, env, &out, p, &err) != APR_SUCCESS)
        fail_msg("%s", err.message);
    text = flow_json_text(out, NULL, p);
    assert_string_equal(flow_json_text(in, NULL, p), before);
    json_decref(in);
    json_decref(out);
    return text;
}

static void a_mapping_makes_what_the_manual_says(void **state)
{
    /* clang-format off */
    static const struct { const char *mappings, *record, *out; } cases[] = {
        { "[{\"generate\":\"source\",\"dataType\":\"string\",\"extract\":\"web\",\"status\":\"Active\"},{\"generate\":\"lines\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.orders[*].items[*]\",\"mappings\":[{\"generate\":\"order\",\"dataType\":\"number\",\"extract\":\"$.orders.no\",\"status\":\"Active\"},{\"generate\":\"code\",\"dataType\":\"string\",\"extract\":\"{{uppercase record.orders.items.sku}}\",\"status\":\"Active\"},{\"generate\":\"qty\",\"dataType\":\"number\",\"extract\":\"$.orders.items.q\",\"status\":\"Active\"},{\"generate\":\"shop\",\"dataType\":\"string\",\"extract\":\"$.shop\",\"status\":\"Active\"}]}],\"status\":\"Active\"},{\"generate\":\"skus\",\"dataType\":\"stringarray\",\"buildArrayHelper\":[{\"extract\":\"$.orders[*].items[*].sku\"}],\"status\":\"Active\"}]", ORDERS,
          "{\"source\":\"web\",\"lines\":[{\"order\":7,\"code\":\"X\",\"qty\":2,\"shop\":\"N1\"},{\"order\":7,\"code\":\"Y\",\"qty\":1,\"shop\":\"N1\"},{\"order\":8,\"code\":\"Z\",\"qty\":5,\"shop\":\"N1\"}],\"skus\":[\"x\",\"y\",\"z\"]}" },
        { "[{\"generate\":\"n\",\"dataType\":\"number\",\"extract\":\"$.price\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":19.90}" },
        { "[{\"generate\":\"n\",\"dataType\":\"number\",\"extract\":\"$.huge\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":1e400}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.id\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"9007199254740993\"}" },
        { "[{\"generate\":\"n\",\"extract\":\"$.huge\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":1e400}" },
        { "[{\"generate\":\"n\",\"dataType\":\"number\",\"extract\":\"$.qty\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":7}" },
        { "[{\"generate\":\"n\",\"dataType\":\"number\",\"extract\":\"19.90\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":19.90}" },
        { "[{\"generate\":\"n\",\"dataType\":\"number\",\"hardCodedValue\":\"5\",\"extract\":\"$.price\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":5}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"hardCodedValue\":\"\",\"extract\":\"$.name\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"Ann\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"boolean\",\"extract\":\"$.no\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":false}" },
        { "[{\"generate\":\"n\",\"dataType\":\"number\",\"extract\":\"$.no\",\"sourceDataType\":\"boolean\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":0}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.no\",\"sourceDataType\":\"boolean\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"false\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"boolean\",\"extract\":\"$.yes\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":true}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.tags\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"a,b\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.tags[*]\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"a,b\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.address\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"{\\\"city\\\":\\\"Ulm\\\",\\\"zip\\\":\\\"089\\\"}\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$['a.b']\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"5\"}" },
        { "[{\"generate\":\"x.y\",\"dataType\":\"string\",\"extract\":\"$.name\",\"status\":\"Active\"}]", RECORD,
          "{\"x.y\":\"Ann\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"address.city\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"address.city\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$5\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"$5\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"{{record.name}} of {{record.address.city}}\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"Ann of Ulm\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"{{name}}\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"Ann\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"{{lookup \\\"tiers\\\" record.tier}}\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"gold\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.zzz\",\"status\":\"Active\"}]", RECORD,
          "{}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.empty\",\"status\":\"Active\"}]", RECORD,
          "{}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.nil\",\"status\":\"Active\"}]", RECORD,
          "{}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.zzz\",\"default\":\"\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"number\",\"extract\":\"$.zzz\",\"default\":\"\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.zzz\",\"default\":null,\"status\":\"Active\"}]", RECORD,
          "{\"n\":null}" },
        { "[{\"generate\":\"n\",\"dataType\":\"number\",\"extract\":\"$.zzz\",\"default\":\"7.0\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":7.0}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.zzz\",\"action\":\"useNull\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":null}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.zzz\",\"action\":\"use_empty_string\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.zzz\",\"action\":\"discard_if_empty\",\"default\":\"x\",\"status\":\"Active\"}]", RECORD,
          "{}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"default\":\"only\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"only\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.zzz|$.empty|$.name\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"Ann\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.empty\",\"conditional\":{\"when\":\"extract_not_empty\"},\"default\":\"d\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"d\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.name\",\"conditional\":{\"when\":\"record_created\"},\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"Ann\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.name\",\"conditional\":{\"when\":\"record_updated\"},\"default\":\"d\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"d\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.name\",\"conditional\":{\"when\":\"always\"},\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"Ann\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.tier\",\"lookupName\":\"tiers\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"gold\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.name\",\"lookupName\":\"soft\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"?\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"stringarray\",\"extract\":\"$.tags\",\"lookupName\":\"soft\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":[\"A\",\"?\"]}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.zzz\",\"lookupName\":\"tiers\",\"default\":\"d\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"d\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.date\",\"extractDateFormat\":\"MM/DD/YYYY\",\"generateDateFormat\":\"YYYY-MM-DD\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":\"2026-01-31\"}" },
        { "[{\"generate\":\"n\",\"dataType\":\"stringarray\",\"buildArrayHelper\":[{\"extract\":\"$.date\"}],\"extractDateFormat\":\"MM/DD/YYYY\",\"generateDateFormat\":\"YYYY\",\"status\":\"Active\"}]", RECORD,
          "{\"n\":[\"2026\"]}" },
        { "[{\"generate\":\"o\",\"dataType\":\"object\",\"mappings\":[{\"generate\":\"c\",\"dataType\":\"string\",\"extract\":\"$.address.city\",\"status\":\"Active\"},{\"generate\":\"p\",\"dataType\":\"object\",\"mappings\":[{\"generate\":\"q\",\"dataType\":\"number\",\"extract\":\"$.price\",\"status\":\"Active\"}],\"status\":\"Active\"}],\"status\":\"Active\"}]", RECORD,
          "{\"o\":{\"c\":\"Ulm\",\"p\":{\"q\":19.90}}}" },
        { "[{\"generate\":\"o\",\"dataType\":\"object\",\"mappings\":[{\"generate\":\"c\",\"dataType\":\"string\",\"extract\":\"$.zzz\",\"status\":\"Active\"}],\"status\":\"Active\"}]", RECORD,
          "{}" },
        { "[{\"generate\":\"o\",\"dataType\":\"object\",\"extract\":\"$.address\",\"status\":\"Active\"}]", RECORD,
          "{\"o\":{\"city\":\"Ulm\",\"zip\":\"089\"}}" },
        { "[{\"generate\":\"o\",\"dataType\":\"object\",\"extract\":\"$.address\",\"mappings\":[{\"generate\":\"zip\",\"dataType\":\"number\",\"extract\":\"$.address.zip\",\"status\":\"Active\"}],\"status\":\"Active\"}]", RECORD,
          "{\"o\":{\"city\":\"Ulm\",\"zip\":89}}" },
        { "[{\"generate\":\"o\",\"dataType\":\"object\",\"extract\":\"$.address\",\"copySource\":\"yes\",\"mappings\":[{\"generate\":\"zip\",\"dataType\":\"number\",\"extract\":\"$.address.zip\",\"status\":\"Active\"}],\"status\":\"Active\"}]", RECORD,
          "{\"o\":{\"city\":\"Ulm\",\"zip\":\"089\"}}" },
        { "[{\"generate\":\"o\",\"dataType\":\"object\",\"extract\":\"$.zzz\",\"mappings\":[{\"generate\":\"n\",\"extract\":\"$.name\",\"status\":\"Active\"}],"
          "\"conditional\":{\"when\":\"extract_not_empty\"},\"status\":\"Active\"}]", RECORD, "{}" },
        { "[{\"generate\":\"o\",\"dataType\":\"object\",\"extract\":\"$.text\",\"status\":\"Active\"}]", RECORD,
          "{\"o\":{\"z\":1.50}}" },
        { "[{\"generate\":\"o\",\"dataType\":\"object\",\"extract\":\"{{{jsonSerialize record.address}}}\",\"status\":\"Active\"}]", RECORD,
          "{\"o\":{\"city\":\"Ulm\",\"zip\":\"089\"}}" },
        { "[{\"generate\":\"a\",\"dataType\":\"stringarray\",\"extract\":\"$.tags\",\"status\":\"Active\"}]", RECORD,
          "{\"a\":[\"a\",\"b\"]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"stringarray\",\"buildArrayHelper\":[{\"extract\":\"$.tags\"},{\"extract\":\"$.tags[0]\"},{\"extract\":\"c\"},{\"extract\":\"{{record.name}}\"},{\"extract\":\"$.zzz\",\"default\":\"d\"},{\"extract\":\"$.nil\"}],\"status\":\"Active\"}]", RECORD,
          "{\"a\":[\"a\",\"b\",\"a\",\"c\",\"Ann\",\"d\"]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"stringarray\",\"buildArrayHelper\":[{\"extract\":\"$.tags[*]|$.name\"}],\"status\":\"Active\"}]", RECORD,
          "{\"a\":[\"a\",\"b\",\"Ann\"]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"numberarray\",\"buildArrayHelper\":[{\"extract\":\"$.qty\"},{\"extract\":\"$.price\"},{\"extract\":\"$.yes\"}],\"status\":\"Active\"}]", RECORD,
          "{\"a\":[7,19.90,1]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"booleanarray\",\"buildArrayHelper\":[{\"extract\":\"$.no\"},{\"extract\":\"$.yes\"}],\"status\":\"Active\"}]", RECORD,
          "{\"a\":[false,true]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"stringarray\",\"buildArrayHelper\":[{\"extract\":\"$.empty\",\"conditional\":{\"when\":\"extract_not_empty\"}}],\"default\":[\"x\"],\"status\":\"Active\"}]", RECORD,
          "{\"a\":[\"x\"]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"stringarray\",\"buildArrayHelper\":[{\"extract\":\"$.zzz\"}],\"status\":\"Active\"}]", RECORD,
          "{}" },
        { "[{\"generate\":\"a\",\"dataType\":\"stringarray\",\"buildArrayHelper\":[{\"extract\":\"$.zzz\"}],\"default\":null,\"status\":\"Active\"}]", RECORD,
          "{\"a\":null}" },
        { "[{\"generate\":\"a\",\"dataType\":\"arrayarray\",\"extract\":\"$.rows\",\"status\":\"Active\"}]", RECORD,
          "{\"a\":[[1,2],[3]]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"arrayarray\",\"buildArrayHelper\":[{\"extract\":\"$.rows[*]\"},{\"extract\":\"$.tags\"}],\"status\":\"Active\"}]", RECORD,
          "{\"a\":[[1,2],[3],[\"a\",\"b\"]]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"arrayarray\",\"buildArrayHelper\":[{\"mappings\":[{\"generate\":\"\",\"dataType\":\"stringarray\",\"status\":\"Active\",\"buildArrayHelper\":[{\"extract\":\"$.name\"}]},{\"dataType\":\"numberarray\",\"status\":\"Active\",\"extract\":\"$.price\"}]}],\"status\":\"Active\"}]", RECORD,
          "{\"a\":[[\"Ann\"],[19.90]]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.address\"},{\"mappings\":[{\"generate\":\"n\",\"dataType\":\"string\",\"extract\":\"$.name\",\"status\":\"Active\"}]}],\"status\":\"Active\"}]", RECORD,
          "{\"a\":[{\"city\":\"Ulm\",\"zip\":\"089\"},{\"n\":\"Ann\"}]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"extract\":\"$.one\",\"status\":\"Active\"}]", RECORD,
          "{\"a\":[{\"k\":1}]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.orders[*]\",\"mappings\":[{\"generate\":\"o\",\"dataType\":\"object\",\"extract\":\"$.orders\",\"status\":\"Active\"}]}],\"status\":\"Active\"}]", ORDERS,
          "{\"a\":[{\"o\":{\"no\":7,\"items\":[{\"sku\":\"x\",\"q\":\"2\"},{\"sku\":\"y\",\"q\":\"1\"}]}},{\"o\":{\"no\":8,\"items\":[{\"sku\":\"z\",\"q\":\"5\"}]}}]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.orders[*].items[*]\",\"mappings\":[{\"generate\":\"o\",\"dataType\":\"object\",\"extract\":\"$.orders\",\"status\":\"Active\"}]}],\"status\":\"Active\"}]", ORDERS,
          "{\"a\":[{\"o\":{\"no\":7,\"items\":{\"sku\":\"x\",\"q\":\"2\"}}},{\"o\":{\"no\":7,\"items\":{\"sku\":\"y\",\"q\":\"1\"}}},{\"o\":{\"no\":8,\"items\":{\"sku\":\"z\",\"q\":\"5\"}}}]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.orders[1].items[*]\",\"mappings\":[{\"generate\":\"o\",\"dataType\":\"object\",\"extract\":\"$\",\"status\":\"Active\"}]}],\"status\":\"Active\"}]", ORDERS,
          "{\"a\":[{\"o\":{\"shop\":\"N1\",\"orders\":{\"no\":8,\"items\":{\"sku\":\"z\",\"q\":\"5\"}}}}]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.orders[0].items[*]\",\"mappings\":[{\"generate\":\"s\",\"dataType\":\"string\",\"extract\":\"{{record.orders.items.sku}}-{{record.shop}}\",\"status\":\"Active\"}]}],\"status\":\"Active\"}]", ORDERS,
          "{\"a\":[{\"s\":\"x-N1\"},{\"s\":\"y-N1\"}]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.orders[*].items[*]\",\"mappings\":[{\"generate\":\"s\",\"dataType\":\"string\",\"extract\":\"$.orders[*].no\",\"status\":\"Active\"}]}],\"status\":\"Active\"}]", ORDERS,
          "{}" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.orders[*]\",\"mappings\":[{\"generate\":\"no\",\"dataType\":\"number\",\"extract\":\"$.orders.no\",\"status\":\"Active\"},{\"generate\":\"i\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.orders.items[*]\",\"mappings\":[{\"generate\":\"no\",\"dataType\":\"number\",\"extract\":\"$.orders.no\",\"status\":\"Active\"},{\"generate\":\"s\",\"dataType\":\"string\",\"extract\":\"$.orders.items.sku\",\"status\":\"Active\"},{\"generate\":\"t\",\"dataType\":\"string\",\"extract\":\"{{record.orders.items.q}}{{record.shop}}\",\"status\":\"Active\"}]}],\"status\":\"Active\"},{\"generate\":\"q\",\"dataType\":\"numberarray\",\"buildArrayHelper\":[{\"extract\":\"$.orders.items[*].q\"}],\"status\":\"Active\"}]}],\"status\":\"Active\"}]", ORDERS,
          "{\"a\":[{\"no\":7,\"i\":[{\"no\":7,\"s\":\"x\",\"t\":\"2N1\"},{\"no\":7,\"s\":\"y\",\"t\":\"1N1\"}],\"q\":[2,1]},{\"no\":8,\"i\":[{\"no\":8,\"s\":\"z\",\"t\":\"5N1\"}],\"q\":[5]}]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.rows[*]\",\"mappings\":[{\"generate\":\"v\",\"dataType\":\"numberarray\",\"buildArrayHelper\":[{\"extract\":\"$.rows[*]\"}],\"status\":\"Active\"}]}],\"status\":\"Active\"}]", RECORD,
          "{\"a\":[{\"v\":[1,2]},{\"v\":[3]}]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.rows[*]\",\"mappings\":[{\"generate\":\"w\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.rows[*]\",\"mappings\":[{\"generate\":\"v\",\"dataType\":\"number\",\"extract\":\"$.rows\",\"status\":\"Active\"}]}],\"status\":\"Active\"}]}],\"status\":\"Active\"}]", RECORD,
          "{\"a\":[{\"w\":[{\"v\":1},{\"v\":2}]},{\"w\":[{\"v\":3}]}]}" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.x[*]|$.y[*]\",\"mappings\":[{\"generate\":\"v\",\"dataType\":\"string\",\"extract\":\"$.x.k\",\"status\":\"Active\"},{\"generate\":\"w\",\"dataType\":\"string\",\"extract\":\"$.y.k\",\"status\":\"Active\"}]}],\"status\":\"Active\"}]", "{\"x\":[{\"k\":1}],\"y\":[{\"k\":2},{\"k\":3}]}",
          "{\"a\":[{\"v\":\"1\",\"w\":\"2\"},{\"v\":\"1\",\"w\":\"2\"},{\"v\":\"1\",\"w\":\"3\"}]}" },
        { "[{\"generate\":\"no\",\"dataType\":\"number\",\"extract\":\"$[0].no\",\"status\":\"Active\"},{\"generate\":\"l\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$[*]\",\"mappings\":[{\"generate\":\"s\",\"dataType\":\"string\",\"extract\":\"$.sku\",\"status\":\"Active\"},{\"generate\":\"all\",\"dataType\":\"string\",\"extract\":\"{{record.sku}}\",\"status\":\"Active\"}]}],\"status\":\"Active\"},{\"generate\":\"q\",\"dataType\":\"numberarray\",\"buildArrayHelper\":[{\"extract\":\"$[*].q\"}],\"status\":\"Active\"}]", "[{\"no\":7,\"sku\":\"x\",\"q\":1},{\"no\":7,\"sku\":\"y\",\"q\":2.0}]",
          "{\"no\":7,\"l\":[{\"s\":\"x\",\"all\":\"x\"},{\"s\":\"y\",\"all\":\"y\"}],\"q\":[1,2.0]}" },
        { "[{\"generate\":\"draft\",\"dataType\":\"string\",\"extract\":\"$.name\",\"status\":\"Draft\"}]", RECORD,
          "{}" },
        { "[{\"generate\":\"d\",\"dataType\":\"string\",\"extract\":\"$.name\",\"description\":\"why\",\"isKey\":true,\"status\":\"Active\"}]", RECORD,
          "{\"d\":\"Ann\"}" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const char *out = apply_with(compile_at(cases[i].mappings, *state),
                                     cases[i].record, NULL, *state);

        if (strcmp(out, cases[i].out) != 0)
            fail_msg("%s\n gave %s\n  not %s", cases[i].mappings, out,
                     cases[i].out);
    }
}

static void what_is_wrong_is_named_with_its_place(void **state)
{
    /* clang-format off */
    static const struct { const char *mappings, *code, *message; } cases[] = {
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"$.a\"}]", "mapping_field",
          "mappings[0] 'a': 'status' is missing; write \"status\": \"Active\"" },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"$.a\",\"status\":\"active\"}]", "mapping_field",
          "mappings[0] 'a': unknown status 'active'; did you mean 'Active'" },
        { "[{\"generate\":\"a\",\"dataType\":\"strng\",\"extract\":\"$.a\",\"status\":\"Active\"}]", "mapping_field",
          "mappings[0] 'a': unknown dataType 'strng'; did you mean 'string'" },
        { "[{\"generate\":\"a\",\"dataType\":\"date\",\"extract\":\"$.a\",\"status\":\"Active\"}]", "mapping_field",
          "mappings[0] 'a': there is no dataType 'date'; write 'string' with 'extractDateFormat' and 'generateDateFormat'" },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"status\":\"Active\"}]", "mapping_field",
          "mappings[0] 'a': 'extract', 'hardCodedValue' or 'default' is missing" },
        { "[{\"generate\":\"a\",\"dataType\":\"object\",\"status\":\"Active\"}]", "mapping_field",
          "mappings[0] 'a': 'mappings' or 'extract' is missing" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"status\":\"Active\"}]", "mapping_field",
          "mappings[0] 'a': 'buildArrayHelper' or 'extract' is missing" },
        { "[{\"generate\":\"a\",\"dataType\":\"number\",\"extract\":\"abc\",\"status\":\"Active\"}]", "mapping_number",
          "mappings[0] 'a': the constant is no number, as 'dataType' says it is; a path begins with '$.'" },
        { "[{\"generate\":\"a\",\"dataType\":\"number\",\"extract\":\"$.a\",\"default\":\"x\",\"status\":\"Active\"}]", "mapping_number",
          "mappings[0] 'a': 'default' is no number, as 'dataType' says it is" },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"$.a[\",\"status\":\"Active\"}]", "path_syntax",
          "mappings[0] 'a': path '$.a[': ']' is missing for the '[' at column 4" },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"$.a[?(@.x)]\",\"status\":\"Active\"}]", "path_unsupported",
          "mappings[0] 'a': path '$.a[?(@.x)]': a filter ('?') or script is not supported, at column 5; use names, [n] and [*]" },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"{{x\",\"status\":\"Active\"}]", "template_syntax",
          NULL },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"$.a\",\"lookupName\":\"tier\",\"status\":\"Active\"}]", "mapping_field",
          "mappings[0] 'a': unknown lookup 'tier'; did you mean 'tiers'" },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"$.a\",\"conditional\":{\"when\":\"lookup_empty\"},\"status\":\"Active\"}]", "mapping_field",
          NULL },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"$.a\",\"mappings\":[{\"generate\":\"b\",\"dataType\":\"string\",\"extract\":\"$.b\",\"status\":\"Active\"}],\"status\":\"Active\"}]", "mapping_field",
          "mappings[0] 'a': only dataType 'object' can have 'mappings'" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"extract\":\"$.a\",\"mappings\":[{\"generate\":\"b\",\"dataType\":\"string\",\"extract\":\"$.b\",\"status\":\"Active\"}],\"status\":\"Active\"}]", "mapping_field",
          "mappings[0] 'a': the 'mappings' of an array stand in its 'buildArrayHelper'" },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"$.a\",\"buildArrayHelper\":[{\"extract\":\"$.b\"}],\"status\":\"Active\"}]", "mapping_field",
          "mappings[0] 'a': only the dataTypes that end in 'array' can have 'buildArrayHelper'" },
        { "[{\"generate\":\"a\",\"dataType\":\"stringarray\",\"buildArrayHelper\":[{\"mappings\":[{\"generate\":\"b\",\"dataType\":\"string\",\"extract\":\"$.b\",\"status\":\"Active\"}]}],\"status\":\"Active\"}]", "mapping_field",
          "mappings[0].buildArrayHelper[0]: only an objectarray or arrayarray can have 'mappings'" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{}],\"status\":\"Active\"}]", "mapping_field",
          "mappings[0].buildArrayHelper[0]: 'extract' or 'mappings' is missing" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"x\",\"mappings\":[{\"generate\":\"b\",\"dataType\":\"string\",\"extract\":\"$.b\",\"status\":\"Active\"}]}],\"status\":\"Active\"}]", "mapping_field",
          "mappings[0].buildArrayHelper[0]: with 'mappings' the 'extract' must be a path such as '$.items[*]'" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.x[*]\",\"mappings\":[{\"generate\":\"b\",\"dataType\":\"number\",\"extract\":\"z\",\"status\":\"Active\"}]}],\"status\":\"Active\"}]", "mapping_number",
          "mappings[0].buildArrayHelper[0].mappings[0] 'b': the constant is no number, as 'dataType' says it is; a path begins with '$.'" },
        { "[{\"generate\":\"a\",\"dataType\":\"arrayarray\",\"buildArrayHelper\":[{\"mappings\":[{\"generate\":\"\",\"dataType\":\"string\",\"extract\":\"$.b\",\"status\":\"Active\"}]}],\"status\":\"Active\"}]", "mapping_field",
          "mappings[0].buildArrayHelper[0].mappings[0]: what is in an arrayarray must be an array" },
        { "[{\"generate\":\"\",\"dataType\":\"string\",\"extract\":\"$.a\",\"status\":\"Active\"}]", "mapping_field",
          "mappings[0]: 'generate' is missing" },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extrat\":\"$.a\",\"status\":\"Active\"}]", "mapping_field",
          "mappings[0] 'a': unknown field 'extrat'; did you mean 'extract'" },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":{},\"status\":\"Active\"}]", "mapping_field",
          "mappings[0] 'a': 'extract' must be text" },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"$.a\",\"action\":\"drop\",\"status\":\"Active\"}]", "mapping_field",
          NULL },
        { "[5]", "mapping_field",
          "mappings[0]: must be an object" },
        { "{\"mappings\":{}}", "mapping_field",
          "mappings: must be an array of mappings" },
    };
    /* clang-format on */
    json_t *lookups = parse(LOOKUPS);
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        flow_mapping_t *mapping = (flow_mapping_t *)1;
        json_t *doc = parse(cases[i].mappings);

        if (flow_mapping_compile(&mapping, doc, lookups, *state, &err) ==
            APR_SUCCESS)
            fail_msg("%s was accepted", cases[i].mappings);
        if (cases[i].message)
            assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.code, cases[i].code);
        assert_int_equal(err.kind, FLOW_E_CONFIG);
        assert_null(mapping);
        json_decref(doc);
    }
    json_decref(lookups);
}

static void a_field_that_fails_fails_the_record(void **state)
{
    /* clang-format off */
    static const struct { const char *mappings, *code, *message; } cases[] = {
        { "[{\"generate\":\"a\",\"dataType\":\"number\",\"extract\":\"$.name\",\"status\":\"Active\"}]", "mapping_number",
          "mappings[0] 'a': a number is needed, found text that is none" },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"$.name\",\"lookupName\":\"tiers\",\"status\":\"Active\"}]", "lookup_failed",
          "mappings[0] 'a': lookup 'tiers' has no entry for the value" },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"$.name\",\"extractDateFormat\":\"YYYY-MM-DD\",\"status\":\"Active\"}]", "mapping_date",
          "mappings[0] 'a': the value is no date as 'extractDateFormat' has it ('YYYY-MM-DD')" },
        { "[{\"generate\":\"a\",\"dataType\":\"object\",\"extract\":\"$.name\",\"status\":\"Active\"}]", "mapping_object",
          "mappings[0] 'a': an object is needed, found text that is none" },
        { "[{\"generate\":\"a\",\"dataType\":\"objectarray\",\"buildArrayHelper\":[{\"extract\":\"$.tags\"}],\"status\":\"Active\"}]", "mapping_object",
          "mappings[0].buildArrayHelper[0]: an object is needed, found text that is none" },
        { "[{\"generate\":\"a\",\"dataType\":\"arrayarray\",\"extract\":\"$.tags\",\"status\":\"Active\"}]", "mapping_array",
          "mappings[0] 'a': an array of arrays is needed, found text that is none" },
        { "[{\"generate\":\"a\",\"dataType\":\"arrayarray\",\"buildArrayHelper\":[{\"extract\":\"$.tags[*]\"}],\"status\":\"Active\"}]", "mapping_array",
          "mappings[0].buildArrayHelper[0]: an array of arrays is needed" },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"{{lookup \\\"tier\\\" record.name}}\",\"status\":\"Active\"}]", "lookup_unknown",
          "mappings[0] 'a': unknown lookup 'tier'; did you mean 'tiers'" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        flow_mapping_t *mapping = compile_at(cases[i].mappings, *state);
        json_t *record = parse(RECORD), *out = NULL;

        if (flow_mapping_apply(mapping, record, &out, *state, &err) ==
            APR_SUCCESS)
            fail_msg("%s was fine", cases[i].mappings);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.code, cases[i].code);
        assert_int_equal(err.kind, FLOW_E_INPUT);
        assert_null(out);
        json_decref(record);
    }
}

static void count_mistake(void *baton, const flow_error_t *err)
{
    apr_array_header_t *seen = baton;

    APR_ARRAY_PUSH(seen, const char *) = apr_pstrdup(seen->pool, err->message);
}

static void all_mistakes_are_told_at_once(void **state)
{
    static const char *const expected[] = {
        "lookups[0] 'l': 'map' must be an object of keys and values, such as "
        "{\"DE\": \"Germany\"}",
        "mappings[0]: 'generate' is missing",
        "mappings[1].mappings[0] 'x': unknown dataType 'strin'; did you mean "
        "'string'",
        "mappings[1].mappings[1] 'y': path '$.[': ']' is missing for the '[' "
        "at column 3",
        "mappings[2].buildArrayHelper[0]: 'extract' or 'mappings' is missing",
        "mapping.fields[0]: 'generate' is missing",
        "mapping.fields[2] 'z': 'extract' or 'hardCodedValue' is missing",
        "mapping.lists[0].fields[0] 'a': unknown dataType 'int'",
        "mapping.lists[1]: 'generate' is missing",
    };
    apr_array_header_t *seen = apr_array_make(*state, 8, sizeof(const char *));
    json_t *maps = parse("[{\"name\":\"l\",\"map\":[]}]");
    json_t *mappings = parse(
        "[{\"status\":\"Active\",\"extract\":\"$.a\"},"
        "{\"generate\":\"o\",\"dataType\":\"object\",\"status\":\"Active\","
        "\"mappings\":[{\"generate\":\"x\",\"dataType\":\"strin\","
        "\"status\":\"Active\",\"extract\":\"$.a\"},"
        "{\"generate\":\"y\",\"dataType\":\"string\",\"status\":\"Active\","
        "\"extract\":\"$.[\",\"lookupName\":\"l\"}]},"
        "{\"generate\":\"a\",\"dataType\":\"objectarray\","
        "\"status\":\"Active\",\"buildArrayHelper\":[{}]}]");
    json_t *fields =
        parse("{\"fields\":[{\"extract\":\"a\"},"
              "{\"extract\":\"a\",\"generate\":\"ok\",\"lookupName\":\"l\"},"
              "{\"generate\":\"z\"}],"
              "\"lists\":[{\"generate\":\"l\",\"fields\":[{\"generate\":\"a\","
              "\"extract\":\"b\",\"dataType\":\"int\"}]},"
              "{\"jsonPath\":\"x\"}]}");
    flow_mapping_options_t options = { NULL, 0 };
    flow_lookups_t *lookups = NULL;
    flow_mapping_t *mapping = NULL;
    flow_notes_t notes;
    size_t i;

    flow_notes_init(&notes, count_mistake, seen);
    flow_lookups_compile(&lookups, maps, "lookups", &notes, *state);
    options.lookups = lookups;
    flow_mapping_compile_mappings(&mapping, mappings, &options, &notes, *state);
    assert_null(mapping);
    flow_mapping_compile_fields(&mapping, fields, &options, &notes, *state);
    assert_null(mapping);
    for (i = 0; i < COUNT(expected) && (int)i < seen->nelts; ++i)
        assert_string_equal(APR_ARRAY_IDX(seen, i, const char *), expected[i]);
    assert_int_equal(seen->nelts, COUNT(expected));
    json_decref(maps);
    json_decref(mappings);
    json_decref(fields);
}

/* ---- lookups ---- */

static apr_status_t cached(void *baton, const char *cache, const char *key,
                           apr_size_t len, json_t **pvalue, apr_pool_t *scratch,
                           flow_error_t *err)
{
    (void)baton;
    (void)scratch;
    (void)err;
    assert_string_equal(cache, "c1");
    if (len == 1 && *key == 'A') {
        const char *text = "{\"x\":{\"y\":1.50}}";

        *pvalue = flow_json_string_new(text, strlen(text));
    }
    return APR_SUCCESS;
}

static apr_status_t request(void *baton, const flow_lookup_t *lookup,
                            const json_t *record, json_t **pvalue,
                            apr_pool_t *scratch, flow_error_t *err)
{
    (void)scratch;
    (void)err;
    ++*(int *)baton;
    assert_string_equal(lookup->name, "asked");
    assert_int_equal(lookup->index, 3);
    *pvalue = json_incref(json_object_get(record, "tier"));
    return APR_SUCCESS;
}

static void caches_and_requests_are_looked_up_outside(void **state)
{
    /* clang-format off */
    static const struct { const char *mapping, *out; int asked; } cases[] = {
        { "[{\"generate\":\"a\",\"dataType\":\"number\",\"extract\":\"$.tier\",\"lookupName\":\"cached\",\"status\":\"Active\"}]", "{\"a\":1.50}", 0 },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"lookupName\":\"asked\",\"status\":\"Active\"}]", "{\"a\":\"A\"}", 1 },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"$.zzz\",\"lookupName\":\"asked\",\"status\":\"Active\"}]", "{\"a\":\"A\"}", 1 },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"{{lookup.asked}}{{lookup.asked}}\",\"status\":\"Active\"},"
          "{\"generate\":\"b\",\"dataType\":\"string\",\"extract\":\"{{lookup.asked}}\",\"status\":\"Active\"}]", "{\"a\":\"AA\",\"b\":\"A\"}", 1 },
        { "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"{{lookup \\\"cached\\\" record.tier}}\",\"status\":\"Active\"}]", "{\"a\":\"1.50\"}", 0 },
        { "{\"fields\":[{\"generate\":\"a\",\"extract\":\"tier\",\"lookupName\":\"cached\"},{\"generate\":\"b\",\"lookupName\":\"asked\"},"
          "{\"generate\":\"c\",\"extract\":\"{{lookup \\\"tiers\\\" tier}}\"}]}",
          "{\"a\":1.50,\"b\":\"A\",\"c\":\"gold\"}", 1 },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        int count = 0;
        flow_lookup_env_t lookups = { &count, cached, request };
        flow_mapping_env_t env = { &lookups };

        assert_string_equal(apply_with(compile_at(cases[i].mapping, *state),
                                       RECORD, &env, *state),
                            cases[i].out);
        assert_int_equal(count, cases[i].asked);
    }
}

/* ---- surroundings ---- */

static void conditions_know_whether_the_record_is_new(void **state)
{
    flow_mapping_env_t env = { NULL };
    flow_mapping_t *mapping = compile_at(
        "[{\"generate\":\"a\",\"dataType\":\"string\",\"extract\":\"new\","
        "\"status\":\"Active\",\"conditional\":{\"when\":\"record_created\"}},"
        "{\"generate\":\"b\",\"dataType\":\"string\",\"extract\":\"old\","
        "\"status\":\"Active\",\"conditional\":{\"when\":\"record_updated\"}}"
        "]",
        *state);

    assert_int_equal(flow_mapping_needs_state(mapping), 1);
    assert_string_equal(apply_with(mapping, "{}", &env, *state),
                        "{\"a\":\"new\"}");
    env.is_update = 1;
    assert_string_equal(apply_with(mapping, "{}", &env, *state),
                        "{\"b\":\"old\"}");
    mapping = compile_at("{\"fields\":[{\"extract\":\"a\",\"generate\":\"b\","
                         "\"immutable\":true}]}",
                         *state);
    assert_int_equal(flow_mapping_needs_state(mapping), 1);
    assert_string_equal(apply_with(mapping, "{\"a\":1}", &env, *state), "{}");
    mapping = compile_at("{\"fields\":[{\"extract\":\"a\","
                         "\"generate\":\"b\"}]}",
                         *state);
    assert_int_equal(flow_mapping_needs_state(mapping), 0);
}

static void an_envelope_has_the_record_and_what_is_around_it(void **state)
{
    flow_mapping_env_t env = { NULL };
    json_t *doc = parse(
        "[{\"generate\":\"r\",\"dataType\":\"number\",\"status\":\"Active\","
        "\"extract\":\"$.record.price\"},"
        "{\"generate\":\"s\",\"dataType\":\"string\",\"status\":\"Active\","
        "\"extract\":\"$.settings.flow.x\"},"
        "{\"generate\":\"l\",\"dataType\":\"objectarray\","
        "\"status\":\"Active\",\"buildArrayHelper\":[{\"extract\":"
        "\"$.record.tags[*]\",\"mappings\":[{\"generate\":\"t\","
        "\"dataType\":\"string\",\"extract\":\"$.record.tags\","
        "\"status\":\"Active\"},{\"generate\":\"j\",\"dataType\":\"string\","
        "\"extract\":\"$.job._id\",\"status\":\"Active\"}]}]}]");
    json_t *around = parse(
        "{\"settings\":{\"flow\":{\"x\":\"y\"}},\"job\":{\"_id\":\"j\"}}");
    flow_mapping_options_t options = { NULL, 1 };
    flow_mapping_t *mapping = NULL;
    flow_notes_t notes;

    flow_notes_init(&notes, NULL, NULL);
    flow_mapping_compile_mappings(&mapping, doc, &options, &notes, *state);
    assert_int_equal(notes.n, 0);
    env.envelope = around;
    assert_string_equal(
        apply_with(mapping, RECORD, &env, *state),
        "{\"r\":19.90,\"s\":\"y\",\"l\":[{\"t\":\"a\",\"j\":\"j\"},"
        "{\"t\":\"b\",\"j\":\"j\"}]}");
    json_decref(doc);
    json_decref(around);
}

static void templates_see_what_the_caller_has(void **state)
{
    flow_mapping_env_t env = { NULL };
    json_t *context = parse("{\"settings\":{\"a\":\"s\"},\"name\":\"not me\"}");
    flow_mapping_t *mapping =
        compile_at("{\"fields\":[{\"generate\":\"x\",\"extract\":"
                   "\"{{settings.a}} {{name}} {{record.name}} {{data.0.name}} "
                   "{{@root.settings.a}}\"}]}",
                   *state);

    env.context = context;
    assert_string_equal(apply_with(mapping, "{\"name\":\"me\"}", &env, *state),
                        "{\"x\":\"s me me me s\"}");
    json_decref(context);
}

/* ---- transforms ---- */

#define TWO(mode, members)                                                     \
    "{\"type\":\"expression\",\"expression\":{\"version\":\"2\","              \
    "\"rulesTwoDotZero\":{\"mode\":\"" mode "\",\"mappings\":[" members        \
    "],\"lookups\":[{\"name\":\"tiers\",\"map\":{\"B\":\"silver\"}}]}}}"

static void a_transform_creates_or_modifies(void **state)
{
    /* clang-format off */
    static const struct { const char *doc, *record, *out; } cases[] = {
        { TWO("create", "{\"generate\":\"p\",\"dataType\":\"number\",\"extract\":\"$.price\",\"status\":\"Active\"}"),
          "{\"price\":\"19.90\",\"x\":1}", "{\"p\":19.90}" },
        { TWO("modify", "{\"generate\":\"price\",\"dataType\":\"number\",\"extract\":\"$.price\",\"status\":\"Active\"}"),
          "{\"id\":1e400,\"price\":\"19.90\",\"x\":1}", "{\"id\":1e400,\"price\":19.90,\"x\":1}" },
        { TWO("modify", "{\"generate\":\"tier\",\"dataType\":\"string\",\"extract\":\"$.tier\",\"lookupName\":\"tiers\",\"status\":\"Active\"}"),
          "{\"tier\":\"B\"}", "{\"tier\":\"silver\"}" },
        /* objects are modified, too */
        { TWO("modify", "{\"generate\":\"a\",\"dataType\":\"object\",\"status\":\"Active\",\"mappings\":[{\"generate\":\"zip\",\"dataType\":\"number\",\"extract\":\"$.a.zip\",\"status\":\"Active\"}]}"),
          "{\"a\":{\"city\":\"Ulm\",\"zip\":\"089\"}}", "{\"a\":{\"city\":\"Ulm\",\"zip\":89}}" },
        { TWO("modify", "{\"generate\":\"n\",\"dataType\":\"number\",\"extract\":\"$.q\",\"status\":\"Active\"}"),
          "[{\"q\":\"1\"},{\"q\":\"2\"}]", "[{\"q\":\"1\",\"n\":1},{\"q\":\"2\",\"n\":2}]" },
        { TWO("modify", ""), "{\"a\":1.0}", "{\"a\":1.0}" },
        { TWO("create", ""), "{\"a\":1.0}", "{}" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        json_t *doc = parse(cases[i].doc);
        flow_mapping_t *mapping = NULL;

        if (flow_mapping_compile_transform(&mapping, doc, *state, &err) !=
            APR_SUCCESS)
            fail_msg("%s: %s", cases[i].doc, err.message);
        json_decref(doc);
        assert_string_equal(apply_with(mapping, cases[i].record, NULL, *state),
                            cases[i].out);
    }
}

static void helpers_do_not_multiply_without_end(void **state)
{
    static const char *const names[] = { "a", "b", "c", "d" };
    char *doc = apr_pstrdup(*state, "[{\"generate\":\"x\",\"extract\":\"1\","
                                    "\"status\":\"Active\"}]");
    json_t *record = json_object(), *list = json_array(), *out = NULL;
    flow_error_t err = FLOW_ERROR_INIT;
    size_t i;

    for (i = 0; i < 100; ++i)
        json_array_append_new(list, json_integer((json_int_t)i));
    for (i = 0; i < COUNT(names); ++i) {
        json_object_set(record, names[i], list);
        doc = apr_psprintf(*state,
                           "[{\"generate\":\"l\",\"dataType\":\"objectarray\","
                           "\"status\":\"Active\",\"buildArrayHelper\":["
                           "{\"extract\":\"$.%s[*]\",\"mappings\":%s}]}]",
                           names[i], doc);
    }
    assert_int_not_equal(
        flow_mapping_apply(compile_at(doc, *state), record, &out, *state, &err),
        APR_SUCCESS);
    assert_string_equal(err.code, "mapping_limit");
    json_decref(list);
    json_decref(record);
}

static int setup(void **state)
{
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_mapping_makes_what_the_manual_says),
        TEST(what_is_wrong_is_named_with_its_place),
        TEST(a_field_that_fails_fails_the_record),
        TEST(all_mistakes_are_told_at_once),
        TEST(caches_and_requests_are_looked_up_outside),
        TEST(conditions_know_whether_the_record_is_new),
        TEST(an_envelope_has_the_record_and_what_is_around_it),
        TEST(templates_see_what_the_caller_has),
        TEST(a_transform_creates_or_modifies),
        TEST(helpers_do_not_multiply_without_end),
    };

    apr_initialize();
    flow_json_global_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
