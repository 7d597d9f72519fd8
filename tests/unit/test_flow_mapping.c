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
#define LOOKUPS "[{\"name\":\"tiers\",\"map\":{\"1\":\"gold\",\"2\":\"silver\",\"\":\"none\",\"0\":\"\"}},"  \
    "{\"name\":\"soft\",\"map\":{\"a\":\"A\"},\"default\":\"?\",\"allowFailures\":true},"           \
    "{\"name\":\"softer\",\"map\":{\"a\":\"A\"},\"allowFailures\":true},"                           \
    "{\"name\":\"cached\",\"_lookupCacheId\":\"c1\"}]"

#define RECORD "{\"id\":9007199254740993,\"price\":19.90,\"qty\":\"007\",\"name\":\"Ann\",\"empty\":\"\","  \
    "\"nil\":null,\"tier\":1,\"none\":[],\"yes\":true,\"First Name\":\"Ann\","                      \
    "\"address\":{\"city\":\"Ulm\",\"zip\":\"089\"},"                                               \
    "\"items\":[{\"sku\":\"x\",\"q\":\"2\",\"tax\":0.10},{\"sku\":\"y\",\"q\":\"1\"},{\"q\":\"\"}],"  \
    "\"nested\":[{\"items\":[{\"v\":1},{\"v\":2}]},{\"items\":[{\"v\":3}]}],"                       \
    "\"words\":[\"a\",\"b\"],\"one\":{\"sku\":\"solo\"}}"

#define ROWS "[{\"no\":7,\"sku\":\"x\",\"q\":1},{\"no\":7,\"sku\":\"y\",\"q\":2}]"
/* clang-format on */

static flow_mapping_t *compile(const char *doc_text, apr_pool_t *p)
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

static const char *apply(const flow_mapping_t *mapping, const char *record,
                         apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *in = parse(record), *out = NULL;
    const char *before = flow_json_text(in, NULL, p), *text;

    if (flow_mapping_apply(mapping, in, &out, p, &err) != APR_SUCCESS)
        fail_msg("%s", err.message);
    text = flow_json_text(out, NULL, p);
    assert_string_equal(flow_json_text(in, NULL, p), before);
    json_decref(in);
    json_decref(out);
    return text;
}

#define FIELD(members) "{\"fields\":[{" members "}]}"

static void a_field_moves_as_its_settings_say(void **state)
{
    /* clang-format off */
    static const struct { const char *mapping, *out; } cases[] = {
        /* numbers keep their text */
        { FIELD("\"extract\":\"price\",\"generate\":\"p\""), "{\"p\":19.90}" },
        { FIELD("\"extract\":\"id\",\"generate\":\"a.b.id\""), "{\"a\":{\"b\":{\"id\":9007199254740993}}}" },
        { FIELD("\"extract\":\"price\",\"generate\":\"p\",\"dataType\":\"number\""), "{\"p\":19.90}" },
        { FIELD("\"extract\":\"price\",\"generate\":\"p\",\"dataType\":\"string\""), "{\"p\":\"19.90\"}" },
        { FIELD("\"extract\":\"id\",\"generate\":\"i\",\"dataType\":\"string\""), "{\"i\":\"9007199254740993\"}" },
        { FIELD("\"hardCodedValue\":\"9007199254740993\",\"generate\":\"i\",\"dataType\":\"number\""),
          "{\"i\":9007199254740993}" },
        { FIELD("\"hardCodedValue\":\"19.90\",\"generate\":\"i\",\"dataType\":\"number\""), "{\"i\":19.90}" },
        { FIELD("\"hardCodedValue\":19.90,\"generate\":\"i\""), "{\"i\":19.90}" },
        { FIELD("\"extract\":\"qty\",\"generate\":\"q\",\"dataType\":\"number\""), "{\"q\":7}" },
        { FIELD("\"extract\":\"yes\",\"generate\":\"y\",\"dataType\":\"number\""), "{\"y\":1}" },
        { FIELD("\"extract\":\"empty\",\"generate\":\"y\",\"dataType\":\"number\""), "{\"y\":null}" },
        { FIELD("\"extract\":\"name\",\"generate\":\"y\",\"dataType\":\"boolean\""), "{\"y\":true}" },
        { FIELD("\"hardCodedValue\":\"false\",\"generate\":\"y\",\"dataType\":\"boolean\""), "{\"y\":false}" },
        { FIELD("\"extract\":\"address\",\"generate\":\"y\",\"dataType\":\"string\""),
          "{\"y\":\"{\\\"city\\\":\\\"Ulm\\\",\\\"zip\\\":\\\"089\\\"}\"}" },
        { FIELD("\"extract\":\"words\",\"generate\":\"y\",\"dataType\":\"string\""), "{\"y\":\"a,b\"}" },
        { FIELD("\"extract\":\"[First Name]\",\"generate\":\"n\""), "{\"n\":\"Ann\"}" },
        { FIELD("\"extract\":\"address\",\"generate\":\"$.addr\""), "{\"addr\":{\"city\":\"Ulm\",\"zip\":\"089\"}}" },
        /* no value, empty values */
        { FIELD("\"extract\":\"zzz\",\"generate\":\"n\""), "{}" },
        { FIELD("\"extract\":\"zzz\",\"generate\":\"n\",\"dataType\":\"number\""), "{}" },
        { FIELD("\"extract\":\"nil\",\"generate\":\"n\""), "{\"n\":null}" },
        { FIELD("\"extract\":\"nil\",\"generate\":\"n\",\"dataType\":\"string\""), "{\"n\":null}" },
        { FIELD("\"extract\":\"empty\",\"generate\":\"n\""), "{\"n\":\"\"}" },
        { FIELD("\"extract\":\"empty\",\"generate\":\"n\",\"discardIfEmpty\":true"), "{}" },
        { FIELD("\"extract\":\"nil\",\"generate\":\"n\",\"discardIfEmpty\":true"), "{}" },
        { FIELD("\"extract\":\"none\",\"generate\":\"n\",\"discardIfEmpty\":true"), "{}" },
        { FIELD("\"extract\":\"price\",\"generate\":\"n\",\"discardIfEmpty\":true"), "{\"n\":19.90}" },
        { FIELD("\"extract\":\"zzz\",\"generate\":\"n\",\"default\":\"x\""), "{\"n\":\"x\"}" },
        { FIELD("\"extract\":\"empty\",\"generate\":\"n\",\"default\":\"x\""), "{\"n\":\"x\"}" },
        { FIELD("\"extract\":\"zzz\",\"generate\":\"n\",\"default\":null"), "{\"n\":null}" },
        { FIELD("\"extract\":\"nil\",\"generate\":\"n\",\"default\":\"\""), "{\"n\":\"\"}" },
        { FIELD("\"extract\":\"zzz\",\"generate\":\"n\",\"default\":\"1.50\",\"dataType\":\"number\""), "{\"n\":1.50}" },
        { FIELD("\"extract\":\"name\",\"generate\":\"n\",\"default\":\"x\""), "{\"n\":\"Ann\"}" },
        { FIELD("\"hardCodedValue\":\"c\",\"generate\":\"n\""), "{\"n\":\"c\"}" },
        { FIELD("\"hardCodedValue\":\"\",\"generate\":\"n\""), "{\"n\":\"\"}" },
        { FIELD("\"hardCodedValue\":null,\"generate\":\"n\""), "{\"n\":null}" },
        { FIELD("\"extract\":\"name\",\"hardCodedValue\":null,\"generate\":\"n\""), "{\"n\":\"Ann\"}" },
        /* templates */
        { FIELD("\"extract\":\"{{name}} {{record.address.city}}\",\"generate\":\"n\""), "{\"n\":\"Ann Ulm\"}" },
        { FIELD("\"extract\":\"{{{price}}}\",\"generate\":\"n\",\"dataType\":\"number\""), "{\"n\":19.90}" },
        { FIELD("\"extract\":\"{{record.zzz}}\",\"generate\":\"n\",\"default\":\"d\""), "{\"n\":\"d\"}" },
        { FIELD("\"extract\":\"{{record.[First Name]}}&\",\"generate\":\"n\""), "{\"n\":\"Ann&\"}" },
        { FIELD("\"extract\":\"{{getValue 'name' '-'}}\",\"generate\":\"n\""), "{\"n\":\"Ann\"}" },
        { FIELD("\"extract\":\"{{#with this}}{{name}}{{/with}}\",\"generate\":\"n\""), "{\"n\":\"Ann\"}" },
        { FIELD("\"extract\":\"{{data.0.name}}{{@root.name}}\",\"generate\":\"n\""), "{\"n\":\"AnnAnn\"}" },
        /* lookups */
        { FIELD("\"extract\":\"tier\",\"generate\":\"t\",\"lookupName\":\"tiers\""), "{\"t\":\"gold\"}" },
        { FIELD("\"hardCodedValue\":2,\"generate\":\"t\",\"lookupName\":\"tiers\""), "{\"t\":\"silver\"}" },
        { FIELD("\"extract\":\"empty\",\"generate\":\"t\",\"lookupName\":\"tiers\""), "{\"t\":\"none\"}" },
        { FIELD("\"extract\":\"zzz\",\"generate\":\"t\",\"lookupName\":\"tiers\""), "{}" },
        { FIELD("\"extract\":\"zzz\",\"generate\":\"t\",\"lookupName\":\"tiers\",\"default\":\"d\""), "{\"t\":\"d\"}" },
        { FIELD("\"extract\":\"empty\",\"generate\":\"t\",\"lookupName\":\"soft\""), "{\"t\":\"?\"}" },
        { FIELD("\"extract\":\"empty\",\"generate\":\"t\",\"lookupName\":\"softer\",\"default\":\"d\""), "{\"t\":\"d\"}" },
        { FIELD("\"extract\":\"name\",\"generate\":\"t\",\"lookupName\":\"soft\""), "{\"t\":\"?\"}" },
        { FIELD("\"extract\":\"name\",\"generate\":\"t\",\"lookupName\":\"softer\""), "{}" },
        { FIELD("\"extract\":\"name\",\"generate\":\"t\",\"lookupName\":\"softer\",\"default\":\"d\""), "{\"t\":\"d\"}" },
        /* conditions */
        { FIELD("\"extract\":\"name\",\"generate\":\"n\",\"conditional\":{\"when\":\"extract_not_empty\"}"), "{\"n\":\"Ann\"}" },
        { FIELD("\"extract\":\"empty\",\"generate\":\"n\",\"default\":\"d\",\"conditional\":{\"when\":\"extract_not_empty\"}"), "{}" },
        { FIELD("\"extract\":\"tier\",\"generate\":\"n\",\"conditional\":{\"when\":\"lookup_not_empty\",\"lookupName\":\"tiers\"}"), "{\"n\":1}" },
        { FIELD("\"extract\":\"name\",\"generate\":\"n\",\"conditional\":{\"when\":\"lookup_not_empty\",\"lookupName\":\"tiers\"}"), "{}" },
        { FIELD("\"hardCodedValue\":\"0\",\"generate\":\"n\",\"conditional\":{\"when\":\"lookup_not_empty\",\"lookupName\":\"tiers\"}"), "{}" },
        { FIELD("\"extract\":\"name\",\"generate\":\"n\",\"conditional\":{\"when\":\"lookup_not_empty\",\"lookupName\":\"soft\"}"), "{\"n\":\"Ann\"}" },
        { FIELD("\"extract\":\"name\",\"generate\":\"n\",\"conditional\":{\"when\":\"lookup_empty\",\"lookupName\":\"tiers\"}"), "{\"n\":\"Ann\"}" },
        { FIELD("\"extract\":\"tier\",\"generate\":\"n\",\"conditional\":{\"when\":\"lookup_empty\",\"lookupName\":\"tiers\"}"), "{}" },
        { FIELD("\"extract\":\"name\",\"generate\":\"n\",\"conditional\":{}"), "{\"n\":\"Ann\"}" },
        { "{\"fields\":[{\"extract\":\"name\",\"generate\":\"n\"},"
          "{\"extract\":\"tier\",\"generate\":\"n\",\"conditional\":{\"when\":\"ignore_if_set\"}},"
          "{\"extract\":\"tier\",\"generate\":\"m\",\"conditional\":{\"when\":\"ignore_if_set\"}}]}",
          "{\"n\":\"Ann\",\"m\":1}" },
        { FIELD("\"extract\":\"name\",\"generate\":\"n\",\"conditional\":{\"when\":\"record_created\"}"), "{\"n\":\"Ann\"}" },
        { FIELD("\"extract\":\"name\",\"generate\":\"n\",\"conditional\":{\"when\":\"record_updated\"}"), "{}" },
        { FIELD("\"extract\":\"name\",\"generate\":\"n\",\"immutable\":true"), "{\"n\":\"Ann\"}" },
        { "{\"fields\":[{\"extract\":\"name\",\"generate\":\"n\"},{\"extract\":\"tier\",\"generate\":\"first\",\"useAsAnInitializeValue\":true}]}",
          "{\"first\":1,\"n\":\"Ann\"}" },
        /* dates */
        { FIELD("\"hardCodedValue\":\"01/31/2026\",\"generate\":\"d\",\"extractDateFormat\":\"MM/DD/YYYY\",\"generateDateFormat\":\"YYYY-MM-DD\""), "{\"d\":\"2026-01-31\"}" },
        { FIELD("\"hardCodedValue\":\"2026-01-31 12:00\",\"generate\":\"d\",\"dataType\":\"date\",\"extractDateFormat\":\"YYYY-MM-DD HH:mm\","
                "\"extractDateTimezone\":\"America/New_York\",\"generateDateFormat\":\"YYYY-MM-DD HH:mm Z\",\"generateDateTimezone\":\"Europe/Berlin\""),
          "{\"d\":\"2026-01-31 18:00 +01:00\"}" },
        { FIELD("\"hardCodedValue\":\"01/31/2026\",\"generate\":\"d\",\"extractDateFormat\":\"MM/DD/YYYY\",\"extractDateTimezone\":\"Asia/Tokyo\",\"generateDateFormat\":\"YYYY-MM-DD\""),
          "{\"d\":\"2026-01-31\"}" },
        { FIELD("\"hardCodedValue\":1769817600000,\"generate\":\"d\",\"extractDateFormat\":\"x\""), "{\"d\":\"2026-01-31T00:00:00.000Z\"}" },
        { FIELD("\"extract\":\"empty\",\"generate\":\"d\",\"extractDateFormat\":\"x\""), "{\"d\":\"\"}" },
        { FIELD("\"extract\":\"name\",\"generate\":\"d\",\"dataType\":\"date\""), "{\"d\":\"Ann\"}" },
        /* array and object types */
        { FIELD("\"extract\":\"name\",\"generate\":\"d\",\"dataType\":\"stringarray\""), "{\"d\":[\"Ann\"]}" },
        { FIELD("\"extract\":\"items[*].q\",\"generate\":\"d\",\"dataType\":\"numberarray\""), "{\"d\":[2,1,null]}" },
        { FIELD("\"extract\":\"items[*].q\",\"generate\":\"d\",\"dataType\":\"booleanarray\""), "{\"d\":[true,true,false]}" },
        { FIELD("\"extract\":\"one\",\"generate\":\"d\",\"dataType\":\"objectarray\""), "{\"d\":[{\"sku\":\"solo\"}]}" },
        { FIELD("\"hardCodedValue\":\"{\\\"a\\\":1.0}\",\"generate\":\"d\",\"dataType\":\"object\""), "{\"d\":{\"a\":1.0}}" },
        { FIELD("\"hardCodedValue\":\"[1.0]\",\"generate\":\"d\",\"dataType\":\"numberarray\""), "{\"d\":[1.0]}" },
        /* what is switched off is not refused */
        { FIELD("\"extract\":\"name\",\"generate\":\"n\",\"immutable\":false,\"isKey\":false,\"internalId\":null,\"extractDateFormat\":\"\",\"dataType\":\"\",\"lookupName\":\"\""),
          "{\"n\":\"Ann\"}" },
        /* arrays */
        { FIELD("\"extract\":\"items[*].sku\",\"generate\":\"skus\""), "{\"skus\":[\"x\",\"y\"]}" },
        { FIELD("\"extract\":\"items[*].q\",\"generate\":\"l[*].n\",\"dataType\":\"number\""),
          "{\"l\":[{\"n\":2},{\"n\":1},{\"n\":null}]}" },
        { FIELD("\"extract\":\"items[*].q\",\"generate\":\"l[*].n\",\"lookupName\":\"tiers\""),
          "{\"l\":[{\"n\":\"silver\"},{\"n\":\"gold\"},{\"n\":\"none\"}]}" },
        { FIELD("\"extract\":\"$\",\"generate\":\"all\",\"dataType\":\"boolean\""), "{\"all\":true}" },
        /* the schema's artefact */
        { "{\"fields\":{\"type\":[{\"extract\":\"name\",\"generate\":\"n\"}]},"
          "\"lists\":{\"type\":[{\"generate\":\"l\",\"jsonPath\":\"words\",\"fields\":{\"type\":[{\"extract\":\"$\",\"generate\":\"w\"}]}}]}}",
          "{\"n\":\"Ann\",\"l\":[{\"w\":\"a\"},{\"w\":\"b\"}]}" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const char *out =
            apply(compile(cases[i].mapping, *state), RECORD, *state);

        if (strcmp(out, cases[i].out) != 0)
            fail_msg("%s gave %s", cases[i].mapping, out);
    }
}

#define LIST(members) "{\"lists\":[{\"generate\":\"l\"," members "}]}"

static void a_list_is_built_element_by_element(void **state)
{
    /* clang-format off */
    static const struct { const char *mapping, *record, *out; } cases[] = {
        { LIST("\"jsonPath\":\"items\",\"fields\":[{\"extract\":\"sku\",\"generate\":\"s\"},"
               "{\"extract\":\"name\",\"generate\":\"n\"},{\"hardCodedValue\":1,\"generate\":\"c\"}]"), RECORD,
          "{\"l\":[{\"s\":\"x\",\"n\":\"Ann\",\"c\":1},{\"s\":\"y\",\"n\":\"Ann\",\"c\":1},{\"n\":\"Ann\",\"c\":1}]}" },
        { LIST("\"jsonPath\":\"$.items[*]\",\"fields\":[{\"extract\":\"tax\",\"generate\":\"t.x\"}]"), RECORD,
          "{\"l\":[{\"t\":{\"x\":0.10}},{},{}]}" },
        /* naming the list again means the element, not the whole list */
        { LIST("\"jsonPath\":\"items\",\"fields\":[{\"extract\":\"items[*].sku\",\"generate\":\"s\"}]"), RECORD,
          "{\"l\":[{\"s\":\"x\"},{\"s\":\"y\"},{}]}" },
        { LIST("\"jsonPath\":\"items\",\"fields\":[{\"extract\":\"words[*]\",\"generate\":\"w\"}]"), "{\"items\":[1],\"words\":[2]}",
          "{\"l\":[{\"w\":[2]}]}" },
        { LIST("\"jsonPath\":\"words\",\"fields\":[{\"extract\":\"$\",\"generate\":\"w\"}]"), RECORD,
          "{\"l\":[{\"w\":\"a\"},{\"w\":\"b\"}]}" },
        { LIST("\"jsonPath\":\"one\",\"fields\":[{\"extract\":\"sku\",\"generate\":\"s\"}]"), RECORD,
          "{\"l\":[{\"s\":\"solo\"}]}" },
        { LIST("\"jsonPath\":\"nested[*].items\",\"fields\":[{\"extract\":\"v\",\"generate\":\"v\"}]"), RECORD,
          "{\"l\":[{\"v\":1},{\"v\":2},{\"v\":3}]}" },
        { LIST("\"jsonPath\":\"nested[*].items[*]\",\"fields\":[{\"extract\":\"v\",\"generate\":\"v\"}]"), RECORD,
          "{\"l\":[{\"v\":1},{\"v\":2},{\"v\":3}]}" },
        { LIST("\"jsonPath\":\"nested\",\"fields\":[{\"extract\":\"items[*].v\",\"generate\":\"v[*].w\",\"dataType\":\"string\"}]"), RECORD,
          "{\"l\":[{\"v\":[{\"w\":\"1\"},{\"w\":\"2\"}]},{\"v\":[{\"w\":\"3\"}]}]}" },
        { LIST("\"jsonPath\":\"items\",\"fields\":[{\"extract\":\"{{sku}}/{{name}}/{{record.items.1.sku}}\",\"generate\":\"s\"}]"), RECORD,
          "{\"l\":[{\"s\":\"x/Ann/y\"},{\"s\":\"y/Ann/y\"},{\"s\":\"/Ann/y\"}]}" },
        { LIST("\"jsonPath\":\"zzz\",\"fields\":[{\"extract\":\"sku\",\"generate\":\"s\"}]"), RECORD, "{}" },
        { LIST("\"jsonPath\":\"nil\",\"fields\":[{\"extract\":\"sku\",\"generate\":\"s\"}]"), RECORD, "{}" },
        { LIST("\"jsonPath\":\"none\",\"fields\":[{\"extract\":\"sku\",\"generate\":\"s\"}]"), RECORD, "{\"l\":[]}" },
        /* no jsonPath: what the fields go through; rows stay aligned */
        { LIST("\"fields\":[{\"extract\":\"name\",\"generate\":\"n\"},{\"extract\":\"items[*].sku\",\"generate\":\"s\"},"
               "{\"extract\":\"items[*].tax\",\"generate\":\"t\"},{\"extract\":\"items[*].q\",\"generate\":\"q\"}]"), RECORD,
          "{\"l\":[{\"n\":\"Ann\",\"s\":\"x\",\"t\":0.10,\"q\":\"2\"},{\"n\":\"Ann\",\"s\":\"y\",\"q\":\"1\"},{\"n\":\"Ann\",\"q\":\"\"}]}" },
        { LIST("\"fields\":[{\"extract\":\"name\",\"generate\":\"n\"}]"), RECORD, "{\"l\":[{\"n\":\"Ann\"}]}" },
        { LIST("\"fields\":[{\"extract\":\"*.sku\",\"generate\":\"s\"},{\"extract\":\"no\",\"generate\":\"n\"}]"), ROWS,
          "{\"l\":[{\"s\":\"x\",\"n\":7},{\"s\":\"y\",\"n\":7}]}" },
        { LIST("\"fields\":[{\"extract\":\"sku\",\"generate\":\"s\"}]"), ROWS, "{\"l\":[{\"s\":\"x\"},{\"s\":\"y\"}]}" },
        { "{\"fields\":[{\"extract\":\"no\",\"generate\":\"no\"},{\"extract\":\"{{no}}-{{record.1.sku}}\",\"generate\":\"k\"}]}", ROWS,
          "{\"no\":7,\"k\":\"7-y\"}" },
        { "{\"lists\":[{\"generate\":\"a.l[*].in\",\"jsonPath\":\"words\",\"fields\":[{\"extract\":\"$\",\"generate\":\"w\"}]}]}", RECORD,
          "{\"a\":{\"l\":[{\"in\":{\"w\":\"a\"}},{\"in\":{\"w\":\"b\"}}]}}" },
        { LIST("\"jsonPath\":\"items\""), RECORD, "{\"l\":[{},{},{}]}" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const char *out =
            apply(compile(cases[i].mapping, *state), cases[i].record, *state);

        if (strcmp(out, cases[i].out) != 0)
            fail_msg("%s gave %s", cases[i].mapping, out);
    }
}

static void what_is_wrong_or_missing_is_named(void **state)
{
    /* clang-format off */
    static const struct { const char *mapping, *code, *message; } cases[] = {
        { "{\"fields\":[{\"extract\":\"a\",\"generate\":\"b\"},{\"generat\":\"c\"}]}", "mapping_field",
          "mapping.fields[1]: unknown field 'generat'; did you mean 'generate'" },
        { FIELD("\"extract\":\"a\",\"generate\":\"b\",\"frobnicate\":1"), "mapping_field",
          "mapping.fields[0] 'b': unknown field 'frobnicate'" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"defualt\":\"\""), "mapping_field",
          "mapping.fields[0] 'b': unknown field 'defualt'; did you mean 'default'" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"conditional\":{\"whem\":\"extract_not_empty\"}"), "mapping_field",
          "mapping.fields[0] 'b'.conditional: unknown field 'whem'; did you mean 'when'" },
        { FIELD("\"extract\":\"a\""), "mapping_field", "mapping.fields[0]: 'generate' is missing" },
        { FIELD("\"generate\":\"b\""), "mapping_field",
          "mapping.fields[0] 'b': 'extract' or 'hardCodedValue' is missing" },
        { FIELD("\"generate\":\"b\",\"extract\":\"\""), "mapping_field",
          "mapping.fields[0] 'b': 'extract' or 'hardCodedValue' is missing" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"hardCodedValue\":\"x\""), "mapping_field",
          "mapping.fields[0] 'b': 'extract' and 'hardCodedValue' exclude each other" },
        { FIELD("\"generate\":\"b\",\"extract\":5"), "mapping_field", "mapping.fields[0] 'b': 'extract' must be text" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\\u0000\""), "mapping_field", "mapping.fields[0] 'b': 'extract' contains NUL" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a[\""), "path_syntax",
          "mapping.fields[0] 'b': path 'a[': ']' is missing for the '[' at column 2" },
        { FIELD("\"generate\":\"b..c\",\"extract\":\"a\""), "path_unsupported",
          "mapping.fields[0] 'b..c': path 'b..c': '..' is not supported, at column 3; use names, [n] and [*]" },
        { FIELD("\"generate\":\"$\",\"extract\":\"a\""), "path_target",
          "mapping.fields[0] '$': path '$' is the whole record; name a field" },
        { FIELD("\"generate\":\"b[10001]\",\"extract\":\"a\""), "path_target",
          "mapping.fields[0] 'b[10001]': path 'b[10001]': index 10001 is above 10000" },
        { FIELD("\"generate\":\"b\",\"extract\":\"{{ a}}\""), "template_syntax",
          "mapping.fields[0] 'b': template line 1, column 3: a blank after the opening braces is not allowed" },
        { FIELD("\"generate\":\"b\",\"extract\":\"{{uppercse a}}\""), "template_helper",
          "mapping.fields[0] 'b': template line 1, column 3: there is no helper 'uppercse'; did you mean 'uppercase'?" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"dataType\":\"nmber\""), "mapping_field",
          "mapping.fields[0] 'b': unknown dataType 'nmber'; did you mean 'number'" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"dataType\":5"), "mapping_field",
          "mapping.fields[0] 'b': 'dataType' must be text" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"default\":\"x\",\"dataType\":\"number\""), "mapping_number",
          "mapping.fields[0] 'b': 'default' is no number, as 'dataType' says it is" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"internalId\":true"), "not_implemented",
          "mapping.fields[0] 'b': mapping field 'internalId' is not supported yet" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"subRecordMapping\":{}"), "not_implemented",
          "mapping.fields[0] 'b': mapping field 'subRecordMapping' is not supported yet" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"conditional\":{\"when\":\"extract_not_emty\"}"), "mapping_field",
          "mapping.fields[0] 'b': unknown condition 'extract_not_emty'; did you mean 'extract_not_empty'" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"conditional\":{\"when\":\"lookup_empty\"}"), "mapping_field",
          "mapping.fields[0] 'b': condition 'lookup_empty' needs 'conditional.lookupName'" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"conditional\":\"x\""), "mapping_field",
          "mapping.fields[0] 'b': 'conditional' must be an object with 'when'" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"lookupName\":\"teirs\""), "mapping_field",
          "mapping.fields[0] 'b': unknown lookup 'teirs'; did you mean 'tiers'" },
        { "{\"fields\":[5]}", "mapping_field", "mapping.fields[0]: must be an object" },
        { "{\"fields\":5}", "mapping_field", "mapping.fields: must be an array" },
        { "5", "mapping_field", "mapping: must be an object" },
        { "{\"feilds\":[1]}", "mapping_field", "mapping: unknown field 'feilds'; did you mean 'fields'" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"isKey\\u0000\":1"), "mapping_field",
          "mapping.fields[0] 'b': unknown field 'isKey'; did you mean 'isKey'" },
        { "{\"mappings\":[],\"fields\":[]}", "mapping_field", "mapping: 'mappings' is Mapper 2.0 and excludes 'fields' and 'lists'" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"immutable\":true,\"conditional\":{\"when\":\"ignore_if_set\"}"), "mapping_field",
          "mapping.fields[0] 'b': 'immutable' is a condition itself (record_created); remove 'conditional'" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"extractDateTimezone\":\"Europe/Ulm\""), "mapping_field",
          "mapping.fields[0] 'b': 'extractDateTimezone': there is no time zone 'Europe/Ulm'; write it as in 'Europe/Berlin'" },
        { FIELD("\"generate\":\"b\",\"extract\":\"a\",\"extractDateFormat\":5"), "mapping_field",
          "mapping.fields[0] 'b': 'extractDateFormat' must be text" },
        { "{\"lists\":[{\"jsonPath\":\"x\"}]}", "mapping_field", "mapping.lists[0]: 'generate' is missing" },
        { LIST("\"jsonpath\":\"a\""), "mapping_field", "mapping.lists[0]: unknown field 'jsonpath'; did you mean 'jsonPath'" },
        { LIST("\"jsonPath\":\"a[\""), "path_syntax",
          "mapping.lists[0] 'l': path 'a[': ']' is missing for the '[' at column 2" },
        { LIST("\"fields\":[{\"extract\":\"a[*].x\",\"generate\":\"b\"},{\"extract\":\"c[*].x\",\"generate\":\"d\"}]"), "mapping_field",
          "mapping.lists[0].fields[1] 'd': fields of a list without 'jsonPath' must all extract from one array" },
    };
    /* clang-format on */
    json_t *lookups = parse(LOOKUPS);
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        flow_mapping_t *mapping = (flow_mapping_t *)1;
        json_t *doc = parse(cases[i].mapping);

        if (flow_mapping_compile(&mapping, doc, lookups, *state, &err) ==
            APR_SUCCESS)
            fail_msg("%s was accepted", cases[i].mapping);
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
    static const struct { const char *mapping, *code, *message; } cases[] = {
        { FIELD("\"extract\":\"name\",\"generate\":\"n\",\"dataType\":\"number\""), "mapping_number",
          "mapping.fields[0] 'n': a number is needed, found text that is none" },
        { FIELD("\"extract\":\"address\",\"generate\":\"n\",\"dataType\":\"number\""), "mapping_number",
          "mapping.fields[0] 'n': a number is needed, found object that is none" },
        { FIELD("\"extract\":\"name\",\"generate\":\"n\",\"dataType\":\"object\""), "mapping_object",
          "mapping.fields[0] 'n': an object is needed, found text that is none" },
        { FIELD("\"extract\":\"words\",\"generate\":\"n\",\"dataType\":\"objectarray\""), "mapping_object",
          "mapping.fields[0] 'n': an object is needed, found text that is none" },
        { FIELD("\"extract\":\"name\",\"generate\":\"n\",\"extractDateFormat\":\"YYYY-MM-DD\""), "mapping_date",
          "mapping.fields[0] 'n': the value is no date as 'extractDateFormat' has it ('YYYY-MM-DD')" },
        { FIELD("\"extract\":\"name\",\"generate\":\"n\",\"generateDateFormat\":\"YYYY-MM-DD\""), "mapping_date",
          "mapping.fields[0] 'n': the value is no date" },
        { FIELD("\"extract\":\"tier\",\"generate\":\"n\",\"lookupName\":\"cached\""), "lookup_unavailable",
          "mapping.fields[0] 'n': lookup 'cached' needs a lookup cache, which is not there here" },
        { FIELD("\"extract\":\"words[*]\",\"generate\":\"n[*].x\",\"dataType\":\"number\""), "mapping_number",
          "mapping.fields[0] 'n[*].x': a number is needed, found text that is none" },
        { FIELD("\"extract\":\"name\",\"generate\":\"t\",\"lookupName\":\"tiers\""), "lookup_failed",
          "mapping.fields[0] 't': lookup 'tiers' has no entry for the value" },
        { "{\"fields\":[{\"extract\":\"name\",\"generate\":\"a\"},{\"extract\":\"name\",\"generate\":\"a.b\"}]}", "mapping_target",
          "mapping.fields[1] 'a.b': the target leads through a value that has no fields" },
        { LIST("\"jsonPath\":\"items\",\"fields\":[{\"extract\":\"sku\",\"generate\":\"s\",\"dataType\":\"number\"}]"), "mapping_number",
          "mapping.lists[0].fields[0] 's': a number is needed, found text that is none" },
        { "{\"fields\":[{\"extract\":\"name\",\"generate\":\"a\"}],\"lists\":[{\"generate\":\"a.l\",\"jsonPath\":\"items\"}]}", "mapping_target",
          "mapping.lists[0] 'a.l': the target leads through a value that has no fields" },
    };
    /* clang-format on */
    json_t *record = parse(RECORD);
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        json_t *out = record;

        if (flow_mapping_apply(compile(cases[i].mapping, *state), record, &out,
                               *state, &err) == APR_SUCCESS)
            fail_msg("%s worked", cases[i].mapping);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.code, cases[i].code);
        assert_int_equal(err.kind, FLOW_E_INPUT);
        assert_null(out);
    }
    json_decref(record);
}

static void without_rules_the_record_passes(void **state)
{
    json_t *record = parse(RECORD), *out = NULL;
    flow_mapping_t *mapping = NULL;
    static const char *const docs[] = { "{}", "null", "{\"fields\":[]}" };
    size_t i;

    for (i = 0; i < COUNT(docs); ++i) {
        assert_string_equal(apply(compile(docs[i], *state), ROWS, *state),
                            ROWS);
    }
    assert_int_equal(
        flow_mapping_compile_transform(&mapping, NULL, *state, NULL),
        APR_SUCCESS);
    assert_int_equal(flow_mapping_apply(mapping, record, &out, *state, NULL),
                     APR_SUCCESS);
    assert_ptr_not_equal(out, record); /* the caller may change it */
    assert_ptr_equal(json_object_get(out, "items"),
                     json_object_get(record, "items"));
    json_decref(out);
    json_decref(record);
}

static void moved_values_are_shared_and_never_written_to(void **state)
{
    flow_mapping_t *mapping =
        compile("{\"fields\":[{\"extract\":\"address\",\"generate\":\"to\"},"
                "{\"hardCodedValue\":\"x\",\"generate\":\"to.city\"}]}",
                *state);
    json_t *record = parse(RECORD), *one = NULL, *two = NULL;

    assert_int_equal(flow_mapping_apply(mapping, record, &one, *state, NULL),
                     APR_SUCCESS);
    assert_string_equal(flow_json_text(one, NULL, *state),
                        "{\"to\":{\"city\":\"x\",\"zip\":\"089\"}}");
    assert_string_equal(flow_json_text(record, NULL, *state), RECORD);
    /* the unchanged member of the copy is the very same value */
    assert_ptr_equal(
        json_object_get(json_object_get(one, "to"), "zip"),
        json_object_get(json_object_get(record, "address"), "zip"));
    assert_int_equal(flow_mapping_apply(mapping, record, &two, *state, NULL),
                     APR_SUCCESS);
    assert_string_equal(flow_json_text(two, NULL, *state),
                        flow_json_text(one, NULL, *state));
    json_decref(one);
    json_decref(two);
    json_decref(record);
}

static void a_constant_is_not_worn_out_by_records(void **state)
{
    flow_mapping_t *mapping = compile(
        "{\"fields\":[{\"hardCodedValue\":{\"k\":1},\"generate\":\"c\"},"
        "{\"extract\":\"v\",\"generate\":\"c.v\"}]}",
        *state);

    assert_string_equal(apply(mapping, "{\"v\":1}", *state),
                        "{\"c\":{\"k\":1,\"v\":1}}");
    assert_string_equal(apply(mapping, "{}", *state), "{\"c\":{\"k\":1}}");
}

static void a_transform_is_a_mapping(void **state)
{
    /* clang-format off */
    static const struct { const char *doc, *record, *out; } cases[] = {
        { "{\"version\":\"1\",\"rules\":[[{\"extract\":\"id\",\"generate\":\"a.id\"},{\"extract\":\"price\",\"generate\":\"p\"}]]}",
          RECORD, "{\"a\":{\"id\":9007199254740993},\"p\":19.90}" },
        { "{\"type\":\"expression\",\"expression\":{\"version\":\"1\",\"rules\":[[{\"extract\":\"*.sku\",\"generate\":\"list[*].x\"},"
          "{\"extract\":\"*.[q]\",\"generate\":\"list[*].y\"},{\"extract\":\"no\",\"generate\":\"no\"}]]}}",
          ROWS, "{\"list\":[{\"x\":\"x\",\"y\":1},{\"x\":\"y\",\"y\":2}],\"no\":7}" },
        { "{\"version\":\"1\",\"rules\":[[]]}", ROWS, ROWS },
        { "{\"version\":\"1\",\"rules\":[]}", ROWS, ROWS },
        /* groups: one after the other */
        { "{\"rules\":[[{\"extract\":\"a\",\"generate\":\"b\"}],[{\"extract\":\"b\",\"generate\":\"c\"},{\"extract\":\"a\",\"generate\":\"d\"}]]}",
          "{\"a\":1.50}", "{\"c\":1.50}" },
        { "{\"version\":\"1\",\"rules\":[[{\"extract\":\"SDF[0]\",\"generate\":\"SDF.Filter.ID\"}]]}",
          "{\"SDF\":[5]}", "{\"SDF\":{\"Filter\":{\"ID\":5}}}" },
        /* what was XML */
        { "{\"version\":\"1\",\"rules\":[[{\"extract\":\"/Tag\",\"generate\":\"t\"},{\"extract\":\"/Order/Id\",\"generate\":\"ids\"},{\"extract\":\"//Sku\",\"generate\":\"sku\",\"dataType\":\"number\"},{\"extract\":\"/No/Where\",\"generate\":\"n\"}]]}",
          "{\"Tag\":[{\"_\":\"4\"}],\"Order\":[{\"$\":{\"no\":\"1\"},\"Id\":[\"7\",{\"_\":\"8\"}],\"Line\":[{\"Sku\":[\"5\"]}]}]}",
          "{\"t\":\"4\",\"ids\":[\"7\",\"8\"],\"sku\":5}" },
    };
    static const struct { const char *doc, *code, *message; } wrong[] = {
        { "{\"version\":\"2\",\"rules\":[]}", "mapping_field",
          "transform.rulesTwoDotZero: must be an object such as {\"mode\": \"create\", \"mappings\": [...]}" },
        { "{\"version\":\"3\",\"rules\":[]}", "mapping_field",
          "transform.version: there is no version '3'; write \"1\" (rules) or \"2\" (rulesTwoDotZero)" },
        { "{\"expression\":{\"rulesTwoDotZero\":{\"mode\":\"modfy\"}}}", "mapping_field",
          "transform.rulesTwoDotZero: unknown mode 'modfy'; did you mean 'modify'" },
        { "{\"expression\":{\"rulesTwoDotZero\":{\"mappings\":[{\"generate\":\"a\",\"extract\":\"b\"}]}}}", "mapping_field",
          "transform.rulesTwoDotZero.mappings[0] 'a': 'status' is missing; write \"status\": \"Active\"" },
        { "{\"expression\":{\"rulesTwoDotZero\":{\"lookups\":[{\"name\":\"l\",\"map\":[]}]}}}", "lookup",
          "transform.rulesTwoDotZero.lookups[0] 'l': 'map' must be an object of keys and values, such as {\"DE\": \"Germany\"}" },
        { "{\"type\":\"script\",\"script\":{}}", "transform_type", "transform.type: 'script' is no expression" },
        { "{\"rules\":{}}", "mapping_field", "transform.rules: must be an array of rule groups" },
        { "{\"rules\":[{}]}", "mapping_field", "transform.rules[0]: must be an array of rules" },
        { "[]", "mapping_field", "transform: must be an object" },
        { "{\"rules\":[[{\"extract\":\"/Tag[\",\"generate\":\"t\"}]]}", "mapping_field",
          "transform.rules[0][0] 't': '/Tag[' is no path to elements; understood are names, '*', '/', '//', [@name] and [@name='value'], as in /orders/order" },
    };
    /* clang-format on */
    flow_mapping_t *mapping;
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        json_t *doc = parse(cases[i].doc);

        if (flow_mapping_compile_transform(&mapping, doc, *state, &err) !=
            APR_SUCCESS)
            fail_msg("%s: %s", cases[i].doc, err.message);
        json_decref(doc);
        assert_string_equal(apply(mapping, cases[i].record, *state),
                            cases[i].out);
    }
    for (i = 0; i < COUNT(wrong); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        json_t *doc = parse(wrong[i].doc);

        if (flow_mapping_compile_transform(&mapping, doc, *state, &err) ==
            APR_SUCCESS)
            fail_msg("%s was accepted", wrong[i].doc);
        assert_string_equal(err.message, wrong[i].message);
        assert_string_equal(err.code, wrong[i].code);
        json_decref(doc);
    }
}

static void an_answer_is_put_into_the_record(void **state)
{
    /* clang-format off */
    static const struct { const char *mapping, *answer, *record, *result; } cases[] = {
        { "{\"fields\":[{\"extract\":\"data[0].id\",\"generate\":\"found.id\"},{\"extract\":\"data[*].id\",\"generate\":\"all\"},"
          "{\"extract\":\"errors\",\"generate\":\"errors\"},{\"extract\":\"zzz\",\"generate\":\"keep\"}]}",
          "{\"data\":[{\"id\":9007199254740993},{\"id\":2}],\"errors\":[]}",
          "{\"a\":1.10,\"keep\":5}",
          "{\"a\":1.10,\"keep\":5,\"found\":{\"id\":9007199254740993},\"all\":[9007199254740993,2],\"errors\":[]}" },
        { "{\"fields\":{\"type\":[{\"extract\":\"_json.order.id\",\"generate\":\"orderId\"}]}}",
          "{\"_json\":{\"order\":{\"id\":7}}}", ROWS,
          "[{\"no\":7,\"sku\":\"x\",\"q\":1,\"orderId\":7},{\"no\":7,\"sku\":\"y\",\"q\":2,\"orderId\":7}]" },
        { "{\"lists\":[{\"generate\":\"hits\",\"fields\":[{\"extract\":\"data[*].x\",\"generate\":\"x\"},{\"extract\":\"data[*].y\",\"generate\":\"y\"}]}]}",
          "{\"data\":[{\"x\":1},{\"y\":2}]}", "{}", "{\"hits\":[{\"x\":1},{\"y\":2}]}" },
        { "{\"fields\":[{\"extract\":\"id\",\"generate\":\"a\",\"conditional\":{\"when\":\"ignore_if_set\"}}]}",
          "{\"id\":1}", "{\"a\":\"old\"}", "{\"a\":\"old\"}" },
        { "{}", "{\"id\":1}", "{\"a\":2}", "{\"a\":2}" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        json_t *answer = parse(cases[i].answer);
        json_t *record = parse(cases[i].record);

        if (flow_mapping_merge(compile(cases[i].mapping, *state), answer,
                               record, *state, &err) != APR_SUCCESS)
            fail_msg("%s: %s", cases[i].mapping, err.message);
        assert_string_equal(flow_json_text(record, NULL, *state),
                            cases[i].result);
        assert_string_equal(flow_json_text(answer, NULL, *state),
                            cases[i].answer);
        json_decref(answer);
        json_decref(record);
    }
}

static void rendering_is_bounded(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_mapping_t *mapping =
        compile(FIELD("\"extract\":\"{{s}}{{s}}\",\"generate\":\"n\""), *state);
    char *text = apr_palloc(*state, 600000);
    json_t *record = json_object(), *out = NULL;

    memset(text, 'x', 600000);
    json_object_set_new(record, "s", flow_json_string_new(text, 600000));
    assert_int_not_equal(
        flow_mapping_apply(mapping, record, &out, *state, &err), APR_SUCCESS);
    assert_string_equal(err.code, "template_too_large");
    assert_string_equal(err.message,
                        "mapping.fields[0] 'n': the rendered template would "
                        "be longer than 1048576 bytes");
    json_decref(record);
}

/* Fields and groups of rules multiply what they copy. */
static void what_a_mapping_makes_is_bounded(void **state)
{
    apr_pool_t *p = *state;
    const char *deep = "a", *fields = "", *groups = "", *halves = "";
    char *text = apr_palloc(p, 1000000);
    size_t i;

    for (i = 0; i < 59; ++i)
        deep = apr_pstrcat(p, deep, ".a", NULL);
    for (i = 0; i < 40; ++i) {
        const char *comma = i ? "," : "";

        fields = apr_psprintf(p,
                              "%s%s{\"extract\":\"l\",\"generate\":\"f%d\","
                              "\"dataType\":\"string\"}",
                              fields, comma, (int)i);
        fields = apr_psprintf(p,
                              "%s,{\"extract\":\"{{s}}\","
                              "\"generate\":\"t%d\"}",
                              fields, (int)i);
        groups = apr_psprintf(p,
                              "%s%s[{\"extract\":\"a\",\"generate\":"
                              "\"%s\"}]",
                              groups, comma, deep);
        halves = apr_psprintf(p,
                              "%s%s[{\"extract\":\"a\",\"generate\":"
                              "\"t.l\"},{\"extract\":\"a\",\"generate\":"
                              "\"t.r\"}],[{\"extract\":\"t\","
                              "\"generate\":\"a\"}]",
                              halves, comma);
    }
    memset(text, 'x', 1000000);
    for (i = 0; i < 3; ++i) {
        static const char *const messages[] = {
            "mapping.fields[67] 't33': the record would get more than 64 MB "
            "of text",
            "the record would be nested more than 512 levels deep",
            "the record would get more than 64 MB of text",
        };
        flow_error_t err = FLOW_ERROR_INIT;
        const char *rules = i == 1 ? groups : halves;
        json_t *record = parse("{\"a\":1,\"l\":[]}"), *out = NULL;
        json_t *s = flow_json_string_new(text, 1000000);
        json_t *doc =
            parse(apr_psprintf(p, i ? "{\"rules\":[%s]}" : "{\"fields\":[%s]}",
                               i ? rules : fields));
        flow_mapping_t *mapping = NULL;

        json_array_append(json_object_get(record, "l"), s);
        json_object_set_new(record, "s", s);
        assert_int_equal(
            i ? flow_mapping_compile_transform(&mapping, doc, p, &err)
              : flow_mapping_compile(&mapping, doc, NULL, p, &err),
            APR_SUCCESS);
        assert_int_not_equal(flow_mapping_apply(mapping, record, &out, p, &err),
                             APR_SUCCESS);
        assert_string_equal(err.code, "mapping_limit");
        assert_string_equal(err.message, messages[i]);
        assert_null(out);
        json_decref(record);
        json_decref(doc);
    }
}

static int setup(void **state)
{
    flow_json_global_init();
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_moves_as_its_settings_say),
        cmocka_unit_test(a_list_is_built_element_by_element),
        cmocka_unit_test(what_is_wrong_or_missing_is_named),
        cmocka_unit_test(a_field_that_fails_fails_the_record),
        cmocka_unit_test(without_rules_the_record_passes),
        cmocka_unit_test(moved_values_are_shared_and_never_written_to),
        cmocka_unit_test(a_constant_is_not_worn_out_by_records),
        cmocka_unit_test(a_transform_is_a_mapping),
        cmocka_unit_test(an_answer_is_put_into_the_record),
        cmocka_unit_test(rendering_is_bounded),
        cmocka_unit_test(what_a_mapping_makes_is_bounded),
    };
    int rc;

    apr_initialize();
    rc = cmocka_run_group_tests(tests, setup, teardown);
    apr_terminate();
    return rc;
}
