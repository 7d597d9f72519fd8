/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flowctl: tokens, checks and a look at jobs, for administrators and scripts.
 * This file has the command line; the commands are in the others.
 */
#include "flowctl/flowctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/flow_log.h"
#include "data/flow_json.h"
#include "data/flow_nearest.h"
#include "jobs/flow_errors.h"

#define DEFAULT_STATE_DIR "/var/lib/mod_flow"
#define OPTIONS_MAX       32

typedef struct command_t {
    const char *words; /* one or two */
    int (*run)(flowctl_t *ctl);
} command_t;

/* clang-format off */
static const command_t commands[] = {
    { "token create", flowctl_token_create },
    { "token list",   flowctl_token_list },
    { "token revoke", flowctl_token_revoke },
    { "check",        flowctl_check },
    { "fields",       flowctl_fields },
    { "flow list",    flowctl_flow_list },
    { "flow run",     flowctl_flow_run },
    { "job list",     flowctl_job_list },
    { "job show",     flowctl_job_show },
    { "schedule list", flowctl_schedule_list },
    { "schedule next", flowctl_schedule_next },
    { "job cancel",   flowctl_job_cancel },
    { "job rerun",    flowctl_job_rerun },
    { "event list",   flowctl_event_list },
    { "event show",   flowctl_event_show },
    { "event replay", flowctl_event_replay },
    { "error list",   flowctl_error_list },
    { "error show",   flowctl_error_show },
    { "error retry",  flowctl_error_retry },
    { "error resolve", flowctl_error_resolve },
    { "error tag",    flowctl_error_tag },
    { "error assign", flowctl_error_assign },
    { "store migrate", flowctl_store_migrate },
    { "store check",  flowctl_store_check },
    { "store backup", flowctl_store_backup },
    { "script check", flowctl_script_check },
    { "script run",   flowctl_script_run },
    { "script log",   flowctl_script_log },
    { "try template",  flowctl_try_template },
    { "try filter",    flowctl_try_filter },
    { "try mapping",   flowctl_try_mapping },
    { "try transform", flowctl_try_transform },
    { "connection list", flowctl_connection_list },
    { "connection revoke", flowctl_connection_revoke },
    { "ping",         flowctl_ping },
    { "preview",      flowctl_preview },
};

static const char help[] =
    "usage: flowctl [OPTION...] COMMAND\n"
    "\n"
    "  token create --name NAME [--expires TIME] [--full | --api ID...\n"
    "      --export ID... --import ID... --flow ID...]\n"
    "                     make an API token and print it; it cannot be shown\n"
    "                     again. TIME is how long it is valid: 90m, 1h, 30d, or\n"
    "                     never (the default)\n"
    "  token list         tokens, newest first\n"
    "  token revoke ID    make a token invalid, at once and for good\n"
    "  check              check the documents named by --include\n"
    "  flow list          flows, their jobs and open errors\n"
    "  flow run ID [--data FILE] [--wait [--timeout SECONDS]]\n"
    "                     queue a run of a flow and print its job's id; with\n"
    "                     --wait also how it ends\n"
    "  job list [--flow ID] [--state NAME] [--type NAME] [--since TIME]\n"
    "      [--until TIME] [--before ID] [--limit N]\n"
    "                     the newest jobs (20). NAME: queued, running,\n"
    "                     completed, failed, canceled; flow, retry, bulk_retry\n"
    "  job show ID        a job, why it waits or failed, and its errors\n"
    "  schedule list      schedules, when they tick next, their last run\n"
    "  schedule next [--count N] [--after TIME] [--timezone ZONE] EXPRESSION\n"
    "                     the next ticks (5) of a schedule; with --include of\n"
    "                     all flows, or of the FLOW that is named instead\n"
    "  job cancel ID      a queued job at once, a running one after its page\n"
    "  job rerun ID       run a job that has ended once more\n"
    "  event list [--export ID] [--since TIME] [--until TIME] [--before ID]\n"
    "      [--limit N]    the newest events of webhooks (20)\n"
    "  event show ID      an event as it was received, and its jobs\n"
    "  event replay ID... | --since TIME [--until TIME] [--export ID]\n"
    "      [--flow ID]    run stored events once more\n"
    "  error list [FILTER...] [--resolved | --all] [--counts] [--before ID]\n"
    "      [--limit N]    the newest errors that are not resolved (20)\n"
    "  error show ID      an error, its record, and what the far end said\n"
    "  error retry ID... [--data FILE] | --matching [FILTER...]\n"
    "                     run records from the step at which they failed\n"
    "  error resolve ID... | --matching [FILTER...] [--by NAME]\n"
    "  error tag ID... | --matching [FILTER...] --add TAG --remove TAG\n"
    "  error assign ID... | --matching [FILTER...] --to NAME | --nobody\n"
    "                     FILTER: --flow, --step, --job, --class, --source,\n"
    "                     --code, --trace-key, --tag, --assigned-to, --since,\n"
    "                     --until. TIME: 2026-11-25T02:00Z, or 90m, 4h, 2d ago\n"
    "  store migrate      make the store, or bring its schema up to date\n"
    "  store check        is it whole, is its schema the right one?\n"
    "  store backup FILE  a consistent copy while the server runs\n"
    "  script check FILE...\n"
    "                     compile scripts, with the files that they import\n"
    "  script run FILE FUNCTION [--input FILE] [--timeout SECONDS]\n"
    "                     call a function with the JSON in a file (else {}) and\n"
    "                     print its result; with --include it can use exports\n"
    "                     and imports\n"
    "  script log [--script ID] [--limit N]\n"
    "                     the newest lines that scripts wrote (100)\n"
    "  try template|filter|mapping|transform FILE --record FILE\n"
    "      [--context FILE] [--escape none|uri|json|xml|html|sql] [--update]\n"
    "                     what it makes of a record, or what is wrong and where.\n"
    "                     FILE is the text of a template; else the JSON of the\n"
    "                     part or of the whole document\n"
    "  connection list    connections that are offline, and since when\n"
    "  connection revoke CONNECTION\n"
    "                     end its tokens, at the far end and in the store\n"
    "  ping CONNECTION [--timeout SECONDS]\n"
    "                     is the far end there, does it take the credentials?\n"
    "  preview EXPORT|IMPORT [--record FILE] [--send] [--timeout SECONDS]\n"
    "                     an export's request, answer and first records; an\n"
    "                     import's request, with --send also sent\n"
    "  fields             all fields of documents, as Markdown\n"
    "\n"
    "  --state-dir DIR    where the store is, as FlowStateDir (default:\n"
    "                     $FLOW_STATE_DIR, else " DEFAULT_STATE_DIR ")\n"
    "  --store \"DRIVER PARAMS\"\n"
    "                     the store, as FlowStore\n"
    "  --include PATH     documents, as FlowInclude; may be repeated\n"
    "  --httpd-conf FILE  the server's configuration: its documents, and where\n"
    "                     its store is\n"
    "  --httpd PROGRAM    what reads it (default: apache2ctl, apachectl or\n"
    "                     httpd)\n"
    "  --presets DIR      as FlowPresets\n"
    "  --proxy URL        as FlowProxy\n"
    "  --key-file FILE    as FlowKeyFile: opens the credentials that the server\n"
    "                     has stored (default: flow.key in the state directory)\n"
    "  --json             print JSON\n"
    "  --help, --version\n"
    "\n"
    "Results go to stdout, messages to stderr. Exit status: 0 done, 1 failed,\n"
    "2 wrong usage.\n";
/* clang-format on */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- saying things ---- */

int flowctl_usage(const char *fmt, ...)
{
    va_list args;

    fputs("flowctl: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputs("\n(flowctl --help shows all commands and options)\n", stderr);
    return FLOWCTL_USAGE;
}

static void log_to_stderr(void *baton, flow_log_level_e level, const char *file,
                          int line, const char *text)
{
    (void)baton;
    (void)level;
    (void)file;
    (void)line;
    fprintf(stderr, "flowctl: %s\n", text);
}

int flowctl_print_json(json_t *v)
{
    flow_buf_t text;
    int rc = FLOWCTL_OK;

    flow_buf_init(&text, 256 * 1024 * 1024);
    flow_json_write(&text, v, FLOW_JSON_INDENT);
    flow_buf_addc(&text, '\n');
    json_decref(v);
    if (text.status != APR_SUCCESS) {
        fputs("flowctl: the result is too large to print\n", stderr);
        rc = FLOWCTL_FAILED;
    }
    else {
        fwrite(text.data, 1, text.len, stdout);
    }
    flow_buf_release(&text);
    return rc;
}

const char *flowctl_count(const flowctl_t *ctl, apr_int64_t n, const char *what)
{
    return apr_psprintf(ctl->p, "%" APR_INT64_T_FMT " %s%s", n, what,
                        n == 1 ? "" : "s");
}

int flowctl_print_list(flowctl_t *ctl, json_t *list, flowctl_print_fn *print)
{
    size_t i;

    if (ctl->json) {
        return flowctl_print_json(list);
    }
    for (i = 0; i < json_array_size(list); ++i) {
        print(ctl, json_array_get(list, i));
    }
    json_decref(list);
    return FLOWCTL_OK;
}

int flowctl_limit(const char *command, const char *text, int dflt, int max)
{
    apr_int64_t n;
    char *end;

    if (!text) {
        return dflt;
    }
    n = apr_strtoi64(text, &end, 10);
    if (end == text || *end || n < 1 || n > max) {
        flowctl_usage("%s: '--limit %s' is not a number from 1 to %d", command,
                      text, max);
        return -1;
    }
    return (int)n;
}

const char *flowctl_time(const flowctl_t *ctl, apr_time_t t, const char *none)
{
    return t ? flow_iso_time(t, ctl->p) : none;
}

/* ---- options ---- */

static const flowctl_option_t *find_option(const flowctl_option_t *options,
                                           int n, const char *name,
                                           apr_size_t len)
{
    int i;

    for (i = 0; i < n; ++i) {
        if (strlen(options[i].name) == len &&
            strncmp(options[i].name, name, len) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

static int unknown_option(const flowctl_option_t *options, int n,
                          const char *name)
{
    const char *names[OPTIONS_MAX], *nearest;
    int i;

    for (i = 0; i < n; ++i) {
        names[i] = options[i].name;
    }
    nearest = flow_nearest(name, names, (apr_size_t)n);
    if (nearest) {
        return flowctl_usage("unknown option '%s'; did you mean '%s'?", name,
                             nearest);
    }
    return flowctl_usage("unknown option '%s'", name);
}

/* One option at argv[*pi]; moves *pi over its value. */
static int read_option(flowctl_t *ctl, const flowctl_option_t *options, int n,
                       int *pi)
{
    const char *arg = ctl->argv[*pi], *value = strchr(arg, '=');
    apr_size_t len = value ? (apr_size_t)(value - arg) : strlen(arg);
    const flowctl_option_t *option = find_option(options, n, arg, len);

    if (!option) {
        return unknown_option(options, n, apr_pstrmemdup(ctl->p, arg, len));
    }
    if (option->flag) {
        if (value) {
            return flowctl_usage("'%s' takes no value", option->name);
        }
        *option->flag = 1;
        return FLOWCTL_OK;
    }
    if (value) {
        ++value;
    }
    else if (*pi + 1 < ctl->argc) {
        value = ctl->argv[++*pi];
    }
    else {
        return flowctl_usage("'%s' needs a value", option->name);
    }
    if (!*value) {
        return flowctl_usage("the value of '%s' is empty", option->name);
    }
    if (option->list) {
        APR_ARRAY_PUSH(option->list, const char *) = value;
        return FLOWCTL_OK;
    }
    if (*option->value) {
        return flowctl_usage("'%s' is given twice", option->name);
    }
    *option->value = value;
    return FLOWCTL_OK;
}

static int general_options(flowctl_t *ctl, flowctl_option_t *all)
{
    const flowctl_option_t general[] = {
        { "--state-dir", .value = &ctl->state_dir },
        { "--store", .value = &ctl->store },
        { "--include", .list = ctl->includes },
        { "--httpd-conf", .value = &ctl->httpd_conf },
        { "--httpd", .value = &ctl->httpd },
        { "--presets", .value = &ctl->presets },
        { "--proxy", .value = &ctl->proxy },
        { "--key-file", .value = &ctl->key_file },
        { "--json", .flag = &ctl->json },
        { "--help", .flag = &ctl->help },
    };

    memcpy(all, general, sizeof(general));
    return (int)COUNT(general);
}

/* Where the store is, from what has been given. */
static int find_store(flowctl_t *ctl)
{
    const char *blank, *env = getenv("FLOW_STATE_DIR"), *dir;
    flow_error_t err = FLOW_ERROR_INIT;

    dir = ctl->state_dir ? ctl->state_dir
          : env && *env  ? env
                         : DEFAULT_STATE_DIR;
    ctl->settings.driver = "sqlite3";
    ctl->settings.uid = ctl->settings.gid = -1;
    if (ctl->httpd && !ctl->httpd_conf) {
        return flowctl_usage("--httpd PROGRAM goes with --httpd-conf FILE");
    }
    if (ctl->httpd_conf) {
        int rc = flowctl_httpd_read(ctl);

        if (rc != FLOWCTL_OK || (!ctl->store && !ctl->state_dir)) {
            return rc;
        }
    }
    if (!ctl->key_file) {
        ctl->key_file = apr_pstrcat(ctl->p, dir, "/flow.key", NULL);
    }
    if (ctl->store && ctl->state_dir) {
        return flowctl_usage("give --store or --state-dir, not both");
    }
    if (ctl->store) {
        blank = strchr(ctl->store, ' ');
        if (!blank || !blank[strspn(blank, " ")]) {
            return flowctl_usage("'--store %s' names no parameters; write it "
                                 "as --store \"sqlite3 /path/to/flow.db\"",
                                 ctl->store);
        }
        ctl->settings.driver = apr_pstrmemdup(ctl->p, ctl->store,
                                              (apr_size_t)(blank - ctl->store));
        ctl->settings.params = blank + strspn(blank, " ");
        if (flow_store_driver_check(ctl->settings.driver, &err) !=
            APR_SUCCESS) {
            return flowctl_usage("%s", err.message);
        }
        return FLOWCTL_OK;
    }
    ctl->settings.params = apr_pstrcat(ctl->p, dir, "/flow.db", NULL);
    return FLOWCTL_OK;
}

int flowctl_options(flowctl_t *ctl, const flowctl_option_t *options,
                    const char **words, int max)
{
    flowctl_option_t all[OPTIONS_MAX];
    int i, rc, n = general_options(ctl, all), nwords = 0, only_words = 0;

    for (; options && options->name && n < OPTIONS_MAX; ++options) {
        all[n++] = *options;
    }
    for (i = 0; i < ctl->argc; ++i) {
        const char *arg = ctl->argv[i];

        if (!only_words && strcmp(arg, "--") == 0) {
            only_words = 1;
        }
        else if (!only_words && arg[0] == '-' && arg[1]) {
            rc = read_option(ctl, all, n, &i);
            if (rc != FLOWCTL_OK) {
                return rc;
            }
        }
        else if (nwords < max) {
            words[nwords++] = arg;
        }
        else {
            return flowctl_usage("unexpected '%s'", arg);
        }
    }
    return ctl->help ? FLOWCTL_OK : find_store(ctl);
}

flow_store_t *flowctl_open(flowctl_t *ctl)
{
    const flow_jobs_settings_t *s = &ctl->settings;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store = NULL;

    if (flow_store_global_init(s->driver, ctl->p, &err) != APR_SUCCESS ||
        flow_store_open(&store, s->driver, s->params, &err) != APR_SUCCESS ||
        flow_store_check(store, &err) != APR_SUCCESS) {
        flowctl_failed(&err);
        flow_store_close(store);
        return NULL;
    }
    return store;
}

/* ---- which command ---- */

/* The command whose words stand at @a args; *pused of them. */
static const command_t *find_command(const char *const *args, int n, int *pused)
{
    apr_size_t i;

    for (i = 0; i < COUNT(commands); ++i) {
        const char *words = commands[i].words, *blank = strchr(words, ' ');
        apr_size_t len = blank ? (apr_size_t)(blank - words) : strlen(words);

        if (n && strlen(args[0]) == len && !strncmp(args[0], words, len) &&
            (!blank || (n > 1 && strcmp(args[1], blank + 1) == 0))) {
            *pused = blank ? 2 : 1;
            return &commands[i];
        }
    }
    return NULL;
}

static int unknown_command(flowctl_t *ctl, const char *const *args, int n)
{
    const char *names[COUNT(commands)], *given, *nearest;
    apr_size_t i;

    for (i = 0; i < COUNT(commands); ++i) {
        names[i] = commands[i].words;
    }
    if (!n) {
        return flowctl_usage("what shall I do? Say for example 'flowctl token "
                             "list'");
    }
    given = n > 1 && args[1][0] != '-'
                ? apr_pstrcat(ctl->p, args[0], " ", args[1], NULL)
                : args[0];
    nearest = flow_nearest(given, names, COUNT(names));
    if (!nearest) {
        nearest = strcmp(args[0], "token") == 0        ? "token list"
                  : strcmp(args[0], "flow") == 0       ? "flow list"
                  : strcmp(args[0], "job") == 0        ? "job list"
                  : strcmp(args[0], "event") == 0      ? "event list"
                  : strcmp(args[0], "error") == 0      ? "error list"
                  : strcmp(args[0], "store") == 0      ? "store check"
                  : strcmp(args[0], "schedule") == 0   ? "schedule list"
                  : strcmp(args[0], "script") == 0     ? "script check"
                  : strcmp(args[0], "try") == 0        ? "try mapping"
                  : strcmp(args[0], "connection") == 0 ? "connection list"
                                                       : NULL;
    }
    return nearest ? flowctl_usage("unknown command '%s'; did you mean '%s'?",
                                   given, nearest)
                   : flowctl_usage("unknown command '%s'", given);
}

/* How many of the first arguments are general options. */
static int skip_options(flowctl_t *ctl, int argc, const char *const *argv)
{
    flowctl_option_t all[OPTIONS_MAX];
    int i, n = general_options(ctl, all);

    for (i = 0; i < argc && argv[i][0] == '-'; ++i) {
        const flowctl_option_t *option =
            find_option(all, n, argv[i], strlen(argv[i]));

        if (option && !option->flag) {
            ++i;
        }
    }
    return i < argc ? i : argc;
}

static int run(flowctl_t *ctl, int argc, const char *const *argv)
{
    int first = skip_options(ctl, argc, argv), used = 0, n = 0, i;
    const char **rest =
        apr_pcalloc(ctl->p, sizeof(*rest) * (apr_size_t)(argc + 1));
    const command_t *command = find_command(argv + first, argc - first, &used);

    for (i = 0; i < argc; ++i) {
        if (i < first || i >= first + used) {
            rest[n++] = argv[i];
        }
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return FLOWCTL_OK;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("flowctl " FLOWCTL_VERSION);
            return FLOWCTL_OK;
        }
    }
    ctl->argc = n;
    ctl->argv = rest;
    if (!command) {
        /* A wrong option is the likelier reason. */
        ctl->argc = first;
        i = flowctl_options(ctl, NULL, NULL, 0);
        return i ? i : unknown_command(ctl, argv + first, argc - first);
    }
    return command->run(ctl);
}

int main(int argc, const char *const *argv)
{
    flowctl_t ctl = { NULL };
    int rc;

    if (apr_initialize() != APR_SUCCESS ||
        apr_pool_create(&ctl.p, NULL) != APR_SUCCESS) {
        fputs("flowctl: cannot start\n", stderr);
        return FLOWCTL_FAILED;
    }
    flow_json_global_init();
    flow_log_set_sink(log_to_stderr, NULL, FLOW_LOG_WARNING);
    ctl.includes = apr_array_make(ctl.p, 4, sizeof(const char *));
    rc = run(&ctl, argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "flowctl: cannot write the result: %s\n",
                strerror(errno));
        rc = rc ? rc : FLOWCTL_FAILED;
    }
    apr_pool_destroy(ctl.p);
    apr_terminate();
    return rc;
}
