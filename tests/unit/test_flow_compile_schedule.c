/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "docs_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static docs_fixture_t *begin(const char *conf)
{
    docs_fixture_t *f = docs_fixture_begin();

    docs_fixture_conf(
        f, "base.conf",
        "<connection shop>\n"
        "type http\n"
        "http.baseURI https://shop.example.com/api\n"
        "<export orders>\n"
        "_connectionId shop\n"
        "http.relativeURI /orders\n"
        "<export stock>\n"
        "_connectionId shop\n"
        "http.relativeURI /stock\n"
        "<export changes>\n"
        "_connectionId shop\n"
        "type delta\n"
        "http.relativeURI /c?{{lastExportDateTime}}\n"
        "<export hook>\n"
        "type webhook\n"
        "webhook.verify secret_url\n"
        "webhook.token 0123456789abcdef\n"
        "<flow other>\n"
        "pageGenerators [{\"_exportId\":\"stock\"},"
        "{\"_exportId\":\"hook\"},{\"_exportId\":\"changes\"}]\n");
    docs_fixture_conf(f, "t.conf", conf);
    docs_fixture_compile(f);
    return f;
}

#define FLOW "<flow f>\npageGenerators [{\"_exportId\":\"orders\"}]\n"
#define GENERATOR(more)                                                        \
    "<flow f>\npageGenerators [{\"_exportId\":\"orders\"" more "}]\n"

/* clang-format off */
static void mistakes_are_found(void **state)
{
    static const struct { const char *conf, *problems; } cases[] = {
        { FLOW "schedule 61 * * * *\n",
          "t.conf:3: flow 'f', schedule: Invalid cron expression: '61' at position 1 of '61 * * * *'; minute is 0 to 59" },
        { FLOW "schedule ? */15 * * * *\ntimezone Europe/Brusels\n",
          "t.conf:4: flow 'f', timezone: the system's zone data has no 'Europe/Brusels'; an IANA name such as Europe/Brussels would be right" },
        { FLOW "timezone ../../etc/passwd\n",
          "t.conf:3: flow 'f', timezone: the system's zone data has no '../../etc/passwd'; an IANA name such as Europe/Brussels would be right" },
        { FLOW "schedule ? */15 * * * *\nscheduleCatchUp sometimes\n",
          "t.conf:4: flow 'f', scheduleCatchUp: 'sometimes' is not one of none one all" },
        { GENERATOR(",\"schedule\":\"* * *\""),
          "t.conf:2: flow 'f', pageGenerators[0].schedule: Invalid cron expression: '* * *' has 3 fields; there are six (? minute hour day month weekday), or five without the '?'" },
        { "<flow f>\npageGenerators [{\"_exportId\":\"hook\",\"schedule\":\"* * * * *\"}]\n",
          "t.conf:2: flow 'f', pageGenerators[0].schedule: export 'hook' is a webhook, which waits for events and has no schedule" },
        { "<flow f>\npageGenerators [{\"_exportId\":\"hook\"}]\nschedule * * * * *\n",
          "t.conf:3: flow 'f', schedule: the flow has no export that could be run at a time; its generators are webhooks" },
        { FLOW "_runNextFlowIds othr\n",
          "t.conf:3: flow 'f', _runNextFlowIds[0]: there is no flow 'othr'; did you mean 'other'?" },
        { FLOW "_runNextFlowIds f\n",
          "t.conf:3: flow 'f', _runNextFlowIds: the flows would start each other without end: f -> f" },
        { FLOW "_runNextFlowIds g other\n<flow g>\npageGenerators [{\"_exportId\":\"orders\"}]\n_runNextFlowIds h\n"
          "<flow h>\npageGenerators [{\"_exportId\":\"orders\"}]\n_runNextFlowIds g f\n",
          "t.conf:3: flow 'f', _runNextFlowIds: the flows would start each other without end: f -> g -> h -> f\n"
          "t.conf:6: flow 'g', _runNextFlowIds: the flows would start each other without end: g -> h -> g" },
        { FLOW "_runNextExportIds [{\"_flowId\":\"other\",\"_exportId\":\"orders\"}]\n",
          "t.conf:3: flow 'f', _runNextExportIds[0]: export 'orders' is no page generator of flow 'other' that could be run" },
        { FLOW "_runNextExportIds [{\"_flowId\":\"other\",\"_exportId\":\"hook\"}]\n",
          "t.conf:3: flow 'f', _runNextExportIds[0]: export 'hook' is no page generator of flow 'other' that could be run" },
        { FLOW "_runNextExportIds [{\"_flowId\":\"other\"}]\n",
          "t.conf:3: flow 'f', _runNextExportIds[0]._exportId: required field '_runNextExportIds[]._exportId' is missing" },
        { GENERATOR(",\"_keepDeltaBehindFlowId\":\"other\""),
          "t.conf:2: flow 'f', pageGenerators[0]._keepDeltaBehindFlowId: export 'orders' is not of type 'delta' and has no mark" },
        { "<flow f>\npageGenerators [{\"_exportId\":\"changes\",\"_keepDeltaBehindFlowId\":\"other\",\"_keepDeltaBehindExportId\":\"stock\"}]\n",
          "t.conf:2: flow 'f', pageGenerators[0]._keepDeltaBehindExportId: export 'stock' is no page generator of type 'delta' of flow 'other'" },
        { "<flow f>\npageGenerators [{\"_exportId\":\"changes\",\"_keepDeltaBehindFlowId\":\"other\",\"_keepDeltaBehindExportId\":\"changes\"}]\n", "" },
        { FLOW "_runNextFlowIds other\n_runNextExportIds [{\"_flowId\":\"other\",\"_exportId\":\"stock\"}]\n", "" },
        { FLOW "schedule\n", "" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        docs_fixture_t *f = begin(cases[i].conf);
        const char *got = docs_fixture_problems(f);

        if (strcmp(got, cases[i].problems) != 0) {
            fail_msg("%s\n--- got\n%s\n--- expected\n%s", cases[i].conf, got,
                     cases[i].problems);
        }
        docs_fixture_end(f);
    }
}
/* clang-format on */

static const flow_flow_t *flow_of(docs_fixture_t *f)
{
    assert_string_equal(docs_fixture_problems(f), "");
    return apr_hash_get(f->model->flows, "f", APR_HASH_KEY_STRING);
}

static void generators_of_equal_schedules_tick_together(void **state)
{
    docs_fixture_t *f =
        begin("<export x>\n_connectionId shop\nhttp.relativeURI /x\n"
              "<flow f>\npageGenerators ["
              "{\"_exportId\":\"orders\",\"schedule\":\"0 * * * *\"},"
              "{\"_exportId\":\"stock\"},{\"_exportId\":\"hook\"},"
              "{\"_exportId\":\"x\",\"schedule\":\"0 * * * *\"},"
              "{\"_exportId\":\"changes\",\"schedule\":\"5 * * * *\"}]\n"
              "schedule ? 0 2 * * *\ntimezone Europe/Brussels\n"
              "scheduleCatchUp none\n");
    const flow_flow_t *flow = flow_of(f);

    (void)state;
    assert_int_equal(flow->nschedules, 3);
    assert_string_equal(flow->schedules[0].name, "orders");
    assert_string_equal(flow->schedules[0].request,
                        "{\"_exportIds\":[\"orders\",\"x\"]}");
    assert_string_equal(flow->schedules[1].name, "changes");
    assert_string_equal(flow->schedules[2].name, "");
    assert_string_equal(flow->schedules[2].request,
                        "{\"_exportIds\":[\"stock\"]}");
    assert_string_equal(flow->schedules[2].definition,
                        "? 0 2 * * * Europe/Brussels "
                        "{\"_exportIds\":[\"stock\"]}");
    assert_int_equal(flow->schedules[2].catch_up, FLOW_CATCH_UP_NONE);
    docs_fixture_end(f);
}

static void a_schedule_of_the_flow_runs_all_of_it(void **state)
{
    docs_fixture_t *f = begin(FLOW "schedule ? 0 2 * * *\n");
    const flow_flow_t *flow = flow_of(f);

    (void)state;
    assert_int_equal(flow->nschedules, 1);
    assert_null(flow->schedules[0].request);
    assert_null(flow->schedules[0].zone);
    assert_string_equal(flow->schedules[0].timezone, "UTC");
    assert_int_equal(flow->schedules[0].catch_up, FLOW_CATCH_UP_ONE);
    docs_fixture_end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_found),
        cmocka_unit_test(generators_of_equal_schedules_tick_together),
        cmocka_unit_test(a_schedule_of_the_flow_runs_all_of_it),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
