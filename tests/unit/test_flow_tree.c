/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <pthread.h>

#include "data/flow_json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void assert_text(const json_t *v, const char *wanted)
{
    flow_buf_t b;

    flow_buf_init(&b, 1 << 20);
    assert_int_equal(flow_json_write(&b, v, FLOW_JSON_COMPACT), APR_SUCCESS);
    assert_string_equal(b.data, wanted);
    flow_buf_release(&b);
}

static json_t *parse(const char *text)
{
    json_t *v = NULL;

    assert_int_equal(flow_json_parse(&v, text, strlen(text), NULL),
                     APR_SUCCESS);
    return v;
}

static void members_keep_their_order(void **state)
{
    json_t *object = json_object();

    (void)state;
    json_object_set_new(object, "b", json_integer(1));
    json_object_set_new(object, "a", json_integer(2));
    json_object_set_new(object, "c", json_integer(3));
    json_object_set_new(object, "b", json_integer(4));
    assert_text(object, "{\"b\":4,\"a\":2,\"c\":3}");
    assert_int_equal(json_object_del(object, "b"), 0);
    assert_int_equal(json_object_del(object, "b"), -1);
    assert_null(json_object_get(object, "b"));
    json_object_set_new(object, "b", json_integer(5));
    assert_text(object, "{\"a\":2,\"c\":3,\"b\":5}");
    assert_int_equal(json_object_size(object), 3);
    json_object_clear(object);
    assert_text(object, "{}");
    assert_null(json_object_iter(object));
    json_object_set_new(object, "z", json_true());
    assert_text(object, "{\"z\":true}");
    json_decref(object);
}

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 8;
}

/* What an object should hold: order[k] is the number of the name that came
 * k-th, value[] what it has, or -1. */
typedef struct model_t {
    int order[4096];
    int n;
    int value[600];
} model_t;

static const char *name_of(int i, char name[80])
{
    /* short, longer than what is shared, and with U+0000 */
    snprintf(name, 80, i % 5 ? "n%d" : "%060d", i);
    if (i % 7 == 0)
        name[0] = '\0';
    return name;
}

static apr_size_t name_len(int i)
{
    char name[80];

    snprintf(name, sizeof(name), i % 5 ? "n%d" : "%060d", i);
    return strlen(name);
}

static void check_model(const model_t *model, json_t *object)
{
    void *iter = json_object_iter(object);
    char name[80];
    int k;

    assert_int_equal(json_object_size(object), model->n);
    for (k = 0; k < model->n; ++k) {
        int i = model->order[k];

        assert_non_null(iter);
        assert_int_equal(json_object_iter_key_len(iter), name_len(i));
        assert_memory_equal(json_object_iter_key(iter), name_of(i, name),
                            name_len(i));
        assert_int_equal(json_integer_value(json_object_iter_value(iter)),
                         model->value[i]);
        assert_ptr_equal(json_object_getn(object, name, name_len(i)),
                         json_object_iter_value(iter));
        iter = json_object_iter_next(object, iter);
    }
    assert_null(iter);
}

static void model_del(model_t *model, int i)
{
    int k;

    for (k = 0; model->order[k] != i; ++k)
        ;
    --model->n;
    memmove(&model->order[k], &model->order[k + 1],
            (size_t)(model->n - k) * sizeof(model->order[0]));
    model->value[i] = -1;
}

static void change(model_t *model, json_t *object, int i, int deletes)
{
    char name[80];
    static int value;

    name_of(i, name);
    if (deletes) {
        assert_int_equal(json_object_deln(object, name, name_len(i)),
                         model->value[i] < 0 ? -1 : 0);
        if (model->value[i] >= 0)
            model_del(model, i);
        return;
    }
    if (model->value[i] < 0)
        model->order[model->n++] = i;
    model->value[i] = ++value;
    assert_int_equal(
        json_object_setn_new(object, name, name_len(i), json_integer(value)),
        0);
}

/* Names as many as given; what is deleted comes and goes in waves. */
static void any_order_of_changes_is_right(void **state)
{
    static const int names[] = { 3, 9, 20, 70, 600 };
    static model_t model;
    unsigned seed = 7, c, i;

    (void)state;
    for (c = 0; c < COUNT(names); ++c) {
        json_t *object = json_object(), *copy;

        model.n = 0;
        for (i = 0; i < COUNT(model.value); ++i)
            model.value[i] = -1;
        for (i = 0; i < 8000; ++i) {
            int wave = (i / 700) % 2 ? 80 : 25;

            change(&model, object, (int)(next(&seed) % (unsigned)names[c]),
                   (int)(next(&seed) % 100) < wave);
            if (i % 500 == 0)
                check_model(&model, object);
        }
        check_model(&model, object);
        copy = json_copy(object);
        check_model(&model, copy);
        json_decref(copy);
        copy = json_deep_copy(object);
        check_model(&model, copy);
        json_decref(object);
        check_model(&model, copy);
        json_decref(copy);
    }
}

static void a_walk_may_delete_and_add(void **state)
{
    json_t *object = json_object(), *v;
    const char *key;
    char name[16];
    void *rest;
    int i;

    (void)state;
    for (i = 0; i < 40; ++i) {
        snprintf(name, sizeof(name), "k%d", i);
        json_object_set_new(object, name, json_integer(i));
    }
    json_object_foreach_safe(object, rest, key, v)
    {
        if (json_integer_value(v) % 2)
            json_object_del(object, key);
    }
    assert_int_equal(json_object_size(object), 20);
    i = 0;
    json_object_foreach(object, key, v)
    {
        if (i < 200) {
            snprintf(name, sizeof(name), "x%d", i++);
            json_object_set_new(object, name, json_integer(0));
        }
        json_object_set_new(object, key, json_integer(1));
    }
    assert_int_equal(json_object_size(object), 220);
    assert_int_equal(json_integer_value(json_object_get(object, "x199")), 1);
    assert_int_equal(json_integer_value(json_object_get(object, "k0")), 1);
    json_decref(object);
}

/* There is room for some thousands of shared names. */
static void more_names_than_are_shared_are_no_problem(void **state)
{
    json_t *list = json_array(), *object;
    char name[64];
    int i;

    (void)state;
    for (i = 0; i < 30000; ++i) {
        snprintf(name, sizeof(name), "a name of its own, number %d", i);
        object = json_object();
        json_object_set_new(object, name, json_integer(i));
        json_object_set_new(object, "n", json_integer(i));
        json_object_set_new(object, name, json_integer(i + 1));
        json_array_append_new(list, object);
    }
    for (i = 0; i < 30000; ++i) {
        snprintf(name, sizeof(name), "a name of its own, number %d", i);
        object = json_array_get(list, (size_t)i);
        assert_int_equal(json_object_size(object), 2);
        assert_int_equal(json_integer_value(json_object_get(object, name)),
                         i + 1);
        assert_non_null(json_object_get(object, "n"));
        assert_null(json_object_get(object, "a name of nobody"));
        assert_int_equal(json_object_del(object, name), 0);
    }
    json_decref(list);
}

static void known_names_are_as_good_as_their_text(void **state)
{
    const struct flow_tree_name *known = flow_tree_name("known", 5);
    json_t *small = parse("{\"known\":1,\"other\":2}"), *large = json_object();
    char name[16];
    int i;

    (void)state;
    assert_text(flow_tree_get_named(small, known, "known", 5), "1");
    assert_text(flow_tree_get_named(small, NULL, "known", 5), "1");
    assert_null(flow_tree_get_named(json_true(), known, "known", 5));
    for (i = 0; i < 100; ++i) {
        snprintf(name, sizeof(name), i == 90 ? "known" : "k%d", i);
        json_object_set_new(large, name, json_integer(i));
    }
    assert_text(flow_tree_get_named(large, known, "known", 5), "90");
    assert_int_equal(
        flow_tree_set_named(large, known, "known", 5, json_integer(7)), 0);
    assert_text(json_object_get(large, "known"), "7");
    /* small again, with names that it does not share */
    for (i = 0; i < 89; ++i) {
        snprintf(name, sizeof(name), "k%d", i);
        json_object_del(large, name);
    }
    json_decref(small);
    small = json_copy(large);
    assert_text(flow_tree_get_named(small, known, "known", 5), "7");
    flow_tree_set_named(small, known, "known", 5, json_integer(8));
    assert_text(json_object_get(small, "known"), "8");
    assert_int_equal(json_object_size(small), 11);
    json_decref(small);
    json_decref(large);
}

static void what_cannot_be_put_is_refused(void **state)
{
    json_t *object = json_object(), *array = json_array();

    (void)state;
    assert_int_equal(json_object_set(object, "a", object), -1);
    assert_int_equal(json_object_set_new(object, "a", NULL), -1);
    assert_int_equal(json_object_set_new(object, NULL, json_integer(1)), -1);
    assert_int_equal(json_object_set_new(object, "\xff", json_integer(1)), -1);
    assert_int_equal(json_object_set_new(array, "a", json_integer(1)), -1);
    assert_int_equal(json_array_append(array, array), -1);
    assert_int_equal(json_array_append_new(object, json_integer(1)), -1);
    assert_int_equal(json_array_insert_new(array, 1, json_integer(1)), -1);
    assert_int_equal(json_array_set_new(array, 0, json_integer(1)), -1);
    assert_int_equal(json_array_remove(array, 0), -1);
    assert_null(json_stringn("\xc3", 1));
    assert_null(json_string(NULL));
    assert_null(json_real(1e308 * 10));
    assert_int_equal(json_object_size(object), 0);
    assert_int_equal(object->refcount, 1);
    json_decref(object);
    json_decref(array);
}

static void arrays_move_their_elements(void **state)
{
    json_t *array = parse("[1,2,3,4,5]"), *copy;

    (void)state;
    json_array_insert_new(array, 0, json_integer(0));
    json_array_insert_new(array, 6, json_integer(6));
    json_array_remove(array, 2);
    json_array_set_new(array, 0, json_string("x"));
    assert_text(array, "[\"x\",1,3,4,5,6]");
    json_array_extend(array, array);
    assert_text(array, "[\"x\",1,3,4,5,6,\"x\",1,3,4,5,6]");
    copy = json_copy(array);
    json_array_clear(array);
    assert_text(array, "[]");
    assert_text(copy, "[\"x\",1,3,4,5,6,\"x\",1,3,4,5,6]");
    json_decref(array);
    json_decref(copy);
}

static void a_deep_copy_shares_no_containers(void **state)
{
    json_t *v = parse("{\"a\":{\"b\":[1,{\"c\":2}]},\"d\\u0000e\":3}");
    json_t *copy = json_deep_copy(v), *shallow = json_copy(v);

    (void)state;
    assert_text(copy, "{\"a\":{\"b\":[1,{\"c\":2}]},\"d\\u0000e\":3}");
    json_object_set_new(json_object_get(v, "a"), "b", json_true());
    assert_text(copy, "{\"a\":{\"b\":[1,{\"c\":2}]},\"d\\u0000e\":3}");
    assert_text(shallow, "{\"a\":{\"b\":true},\"d\\u0000e\":3}");
    json_object_update(copy, v);
    assert_text(copy, "{\"a\":{\"b\":true},\"d\\u0000e\":3}");
    json_decref(v);
    json_decref(copy);
    json_decref(shallow);
}

/* --- threads -------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS  300

static json_t *the_shared;
static pthread_mutex_t the_mutex = PTHREAD_MUTEX_INITIALIZER;
static json_t *the_mail[THREADS];

/* Each gives up what another one has made; all look at the same tree, and
 * meet new names at the same time. */
static void *work(void *data)
{
    int me = *(int *)data, i;
    char text[128];

    for (i = 0; i < ROUNDS; ++i) {
        json_t *mine = NULL, *theirs;

        snprintf(text, sizeof(text),
                 "{\"round %d\":[1,\"two\",{\"three\":3.5}],\"who\":%d}", i,
                 me);
        if (flow_json_parse(&mine, text, strlen(text), NULL) != APR_SUCCESS)
            return NULL;
        json_object_set(mine, "shared", the_shared);
        json_object_set(mine, "part", json_object_get(the_shared, "a"));
        pthread_mutex_lock(&the_mutex);
        theirs = the_mail[(me + i) % THREADS];
        the_mail[(me + i) % THREADS] = mine;
        pthread_mutex_unlock(&the_mutex);
        if (theirs && json_object_size(theirs) != 4)
            return NULL;
        json_decref(theirs);
    }
    return data;
}

static void values_go_from_thread_to_thread(void **state)
{
    pthread_t threads[THREADS];
    int numbers[THREADS], i;
    void *result;

    (void)state;
    the_shared = parse("{\"a\":{\"b\":\"c\"}}");
    for (i = 0; i < THREADS; ++i) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &numbers[i]),
                         0);
    }
    for (i = 0; i < THREADS; ++i) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, &numbers[i]);
    }
    for (i = 0; i < THREADS; ++i)
        json_decref(the_mail[i]);
    assert_int_equal(the_shared->refcount, 1);
    assert_text(the_shared, "{\"a\":{\"b\":\"c\"}}");
    json_decref(the_shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_keep_their_order),
        cmocka_unit_test(any_order_of_changes_is_right),
        cmocka_unit_test(a_walk_may_delete_and_add),
        cmocka_unit_test(known_names_are_as_good_as_their_text),
        cmocka_unit_test(what_cannot_be_put_is_refused),
        cmocka_unit_test(arrays_move_their_elements),
        cmocka_unit_test(a_deep_copy_shares_no_containers),
        cmocka_unit_test(values_go_from_thread_to_thread),
        cmocka_unit_test(more_names_than_are_shared_are_no_problem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
