/* SPDX-License-Identifier: Apache-2.0 */

/* Map, Set, WeakMap and WeakSet; part of jslib.c's room.
 *
 * A table is a row of entries in the order they were added, with chains by
 * hash. A deleted entry stays as a gap until the row is full; then gaps are
 * closed or the row grows. Entries are numbered for ever, so that an iterator
 * finds its place again. The weak ones hold on like the others: a world is
 * forgotten after each call anyway. */

typedef struct js_Entry {
    js_Value key, value;
    unsigned long long number; /* ascending */
    unsigned hash;
    int next; /* of the chain, -1 at its end */
    int live;
} js_Entry;

struct js_Table {
    js_Entry *entries;
    int *chains;
    int n, size; /* entries with gaps; chains are as many as size */
    int live;
    unsigned long long numbers;
};

#define TABLE_FIRST 8

static unsigned hash_bytes(const char *s)
{
    unsigned h = 2166136261u;

    while (*s) {
        h = (h ^ (unsigned char)*s++) * 16777619u;
    }
    return h ^ h >> 15;
}

static unsigned hash_value(const js_Value *v)
{
    union {
        double d;
        unsigned long long u;
    } n;

    switch (v->t.type) {
    case JS_TNUMBER:
        n.d = v->u.number == 0 ? 0 : v->u.number;
        if (n.d != n.d) {
            return 7;
        }
        break;
    case JS_TOBJECT:
        n.u = (unsigned long long)(size_t)v->u.object >> 3;
        break;
    case JS_TBOOLEAN:
        return v->u.boolean ? 1 : 2;
    case JS_TUNDEFINED:
        return 3;
    case JS_TNULL:
        return 4;
    default:
        return hash_bytes(JSV_TOSTRING(v));
    }
    n.u *= 0x9E3779B97F4A7C15ull;
    return (unsigned)(n.u >> 32);
}

static int same_key(const js_Value *a, const js_Value *b)
{
    if (JSV_ISSTRING(a)) {
        return JSV_ISSTRING(b) && !strcmp(JSV_TOSTRING(a), JSV_TOSTRING(b));
    }
    if (a->t.type != b->t.type) {
        return 0;
    }
    switch (a->t.type) {
    case JS_TNUMBER:
        return a->u.number == b->u.number ||
               (a->u.number != a->u.number && b->u.number != b->u.number);
    case JS_TBOOLEAN:
        return !a->u.boolean == !b->u.boolean;
    case JS_TOBJECT:
        return a->u.object == b->u.object;
    default:
        return 1;
    }
}

static js_Entry *table_find(const js_Table *t, const js_Value *key)
{
    unsigned h;
    int i;

    if (!t || !t->live) {
        return NULL;
    }
    h = hash_value(key);
    for (i = t->chains[h & (unsigned)(t->size - 1)]; i >= 0;
         i = t->entries[i].next) {
        if (t->entries[i].hash == h && t->entries[i].live &&
            same_key(&t->entries[i].key, key)) {
            return &t->entries[i];
        }
    }
    return NULL;
}

static void table_chain(js_Table *t)
{
    int i;

    memset(t->chains, -1, t->size * sizeof(*t->chains));
    for (i = 0; i < t->n; ++i) {
        int *chain = &t->chains[t->entries[i].hash & (unsigned)(t->size - 1)];
        t->entries[i].next = *chain;
        *chain = i;
    }
}

static void table_room(js_State *J, js_Table *t)
{
    int i, n = 0;

    if (t->n < t->size) {
        return;
    }
    for (i = 0; i < t->n; ++i) {
        if (t->entries[i].live) {
            t->entries[n++] = t->entries[i];
        }
    }
    t->n = n;
    if (n > t->size / 2 || !t->size) {
        int size = t->size ? 2 * t->size : TABLE_FIRST;
        js_Entry *more;
        int *chains;
        if (size > JS_ARRAYLIMIT / 4) {
            js_rangeerror(J, "too many entries");
        }
        more = js_realloc(J, t->entries, size * (int)sizeof(*more));
        t->entries = more;
        chains = js_realloc(J, t->chains, size * (int)sizeof(*chains));
        t->chains = chains;
        t->size = size;
    }
    table_chain(t);
}

static void table_put(js_State *J, js_Table *t, const js_Value *key,
                      const js_Value *value)
{
    js_Entry *e = table_find(t, key);
    int *chain;

    if (e) {
        e->value = *value;
        return;
    }
    table_room(J, t);
    e = &t->entries[t->n];
    e->key = *key;
    if (key->t.type == JS_TNUMBER && key->u.number == 0) {
        e->key.u.number = 0; /* not -0 */
    }
    e->value = *value;
    e->hash = hash_value(key);
    e->live = 1;
    e->number = ++t->numbers;
    chain = &t->chains[e->hash & (unsigned)(t->size - 1)];
    e->next = *chain;
    *chain = t->n++;
    ++t->live;
}

static void scan_table(js_State *J, int mark, js_Table *t)
{
    int i;

    for (i = 0; i < t->n; ++i) {
        if (t->entries[i].live) {
            mark_value(J, mark, &t->entries[i].key);
            mark_value(J, mark, &t->entries[i].value);
        }
    }
}

static void free_table(js_State *J, js_Table *t)
{
    js_free(J, t->entries);
    js_free(J, t->chains);
    js_free(J, t);
}

/* The first entry behind number @a last, from a guess. */
static int table_after(const js_Table *t, int guess, unsigned long long last)
{
    int a = 0, b = t->n;

    if (guess <= t->n && (guess == 0 || t->entries[guess - 1].number <= last) &&
        (guess == t->n || t->entries[guess].number > last)) {
        return guess;
    }
    while (a < b) {
        int mid = a + (b - a) / 2;
        if (t->entries[mid].number > last) {
            b = mid;
        }
        else {
            a = mid + 1;
        }
    }
    return a;
}

/* The next live entry, or NULL. */
static js_Entry *table_next(const js_Table *t, int *index,
                            unsigned long long *last)
{
    int i;

    if (!t) {
        return NULL;
    }
    for (i = table_after(t, *index, *last); i < t->n; ++i) {
        if (t->entries[i].live) {
            *last = t->entries[i].number;
            *index = i + 1;
            return &t->entries[i];
        }
    }
    return NULL;
}

static int iterate_table(js_State *J, js_LibObject *it)
{
    js_Entry *e =
        table_next(it->target->u.lib.u.table, &it->index, &it->u.last);
    int is_set = it->target->u.lib.kind == JS_LIBSET;
    js_Value key, value;

    if (!e) {
        return 0;
    }
    key = e->key;
    value = is_set ? key : e->value;
    if (it->what != JS_ITERVALUES) {
        js_pushvalue(J, key);
    }
    if (it->what != JS_ITERKEYS) {
        js_pushvalue(J, value);
    }
    if (it->what == JS_ITERENTRIES) {
        push_pair(J);
    }
    return 1;
}

/* ---- what scripts see ---- */

static js_Object *this_table(js_State *J, js_LibKind kind)
{
    static const char *const names[] = { "Map", "Set", "WeakMap", "WeakSet" };
    js_Object *obj = lib_is(J, 0, kind);

    if (!obj) {
        js_typeerror(J, "not a %s", names[kind - JS_LIBMAP]);
    }
    if (!obj->u.lib.u.table) {
        js_Table *t = js_malloc(J, sizeof(*t));
        memset(t, 0, sizeof(*t));
        obj->u.lib.u.table = t;
    }
    return obj;
}

static void check_key(js_State *J, js_Object *obj, int idx)
{
    if (obj->u.lib.kind >= JS_LIBWEAKMAP && !js_isobject(J, idx)) {
        js_typeerror(J, "a key of a WeakMap or WeakSet must be an object");
    }
}

static void table_get(js_State *J, js_LibKind kind)
{
    js_Entry *e =
        table_find(this_table(J, kind)->u.lib.u.table, js_tovalue(J, 1));

    if (e) {
        js_pushvalue(J, e->value);
    }
    else {
        js_pushundefined(J);
    }
}

static void table_has(js_State *J, js_LibKind kind)
{
    js_Object *obj = this_table(J, kind);

    js_pushboolean(J, table_find(obj->u.lib.u.table, js_tovalue(J, 1)) != NULL);
}

static void table_delete(js_State *J, js_LibKind kind)
{
    js_Table *t = this_table(J, kind)->u.lib.u.table;
    js_Entry *e = table_find(t, js_tovalue(J, 1));

    if (e) {
        e->live = 0;
        --t->live;
    }
    js_pushboolean(J, e != NULL);
}

static void table_set(js_State *J, js_LibKind kind, int value)
{
    js_Object *obj = this_table(J, kind);

    check_key(J, obj, 1);
    table_put(J, obj->u.lib.u.table, js_tovalue(J, 1), js_tovalue(J, value));
    js_copy(J, 0);
}

static void table_clear(js_State *J, js_LibKind kind)
{
    js_Table *t = this_table(J, kind)->u.lib.u.table;

    t->n = t->live = 0;
    if (t->size) {
        table_chain(t);
    }
    js_pushundefined(J);
}

static void table_size(js_State *J, js_LibKind kind)
{
    js_pushnumber(J, this_table(J, kind)->u.lib.u.table->live);
}

static void table_each(js_State *J, js_LibKind kind)
{
    js_Object *obj = this_table(J, kind);
    unsigned long long last = 0;
    int index = 0;
    js_Entry *e;

    lib_pad(J, 3);
    lib_callback(J, 1);
    while ((e = table_next(obj->u.lib.u.table, &index, &last)) != NULL) {
        js_Value key = e->key;
        js_Value value = obj->u.lib.kind == JS_LIBSET ? key : e->value;
        js_copy(J, 1);
        js_copy(J, 2);
        js_pushvalue(J, value);
        js_pushvalue(J, key);
        js_copy(J, 0);
        js_call(J, 3);
        js_pop(J, 1);
    }
    js_pushundefined(J);
}

static void table_iterator(js_State *J, js_LibKind kind, js_IterKind what)
{
    this_table(J, kind);
    js_libiterator(J, 0, what);
}

#define TABLE_METHODS(p, kind)           \
    static void p##_has(js_State *J)     \
    {                                    \
        table_has(J, kind);              \
    }                                    \
    static void p##_delete(js_State *J)  \
    {                                    \
        table_delete(J, kind);           \
    }
#define TABLE_WALKS(p, kind)                        \
    static void p##_clear(js_State *J)              \
    {                                               \
        table_clear(J, kind);                       \
    }                                               \
    static void p##_size(js_State *J)               \
    {                                               \
        table_size(J, kind);                        \
    }                                               \
    static void p##_forEach(js_State *J)            \
    {                                               \
        table_each(J, kind);                        \
    }                                               \
    static void p##_values(js_State *J)             \
    {                                               \
        table_iterator(J, kind, JS_ITERVALUES);     \
    }                                               \
    static void p##_entries(js_State *J)            \
    {                                               \
        table_iterator(J, kind, JS_ITERENTRIES);    \
    }
TABLE_METHODS(Mp, JS_LIBMAP)
TABLE_METHODS(Setp, JS_LIBSET)
TABLE_METHODS(WMp, JS_LIBWEAKMAP)
TABLE_METHODS(WSp, JS_LIBWEAKSET)
TABLE_WALKS(Mp, JS_LIBMAP)
TABLE_WALKS(Setp, JS_LIBSET)

static void Mp_get(js_State *J)
{
    table_get(J, JS_LIBMAP);
}
static void Mp_set(js_State *J)
{
    table_set(J, JS_LIBMAP, 2);
}
static void Mp_keys(js_State *J)
{
    table_iterator(J, JS_LIBMAP, JS_ITERKEYS);
}
static void Setp_add(js_State *J)
{
    table_set(J, JS_LIBSET, 1);
}
static void WMp_get(js_State *J)
{
    table_get(J, JS_LIBWEAKMAP);
}
static void WMp_set(js_State *J)
{
    table_set(J, JS_LIBWEAKMAP, 2);
}
static void WSp_add(js_State *J)
{
    table_set(J, JS_LIBWEAKSET, 1);
}

/* Add the element on top to the new table at 0, with its method at @a adder;
 * pops it. */
static void fill_one(js_State *J, js_Object *obj, int adder, int is_plain)
{
    int is_map =
        obj->u.lib.kind == JS_LIBMAP || obj->u.lib.kind == JS_LIBWEAKMAP;

    if (is_map && !js_isobject(J, -1)) {
        js_typeerror(J, "an entry of a Map must be an object");
    }
    js_copy(J, adder);
    js_copy(J, 0);
    if (is_map) {
        js_getindex(J, -3, 0);
        js_getindex(J, -4, 1);
    }
    else {
        js_copy(J, -3);
    }
    if (!is_plain) {
        js_call(J, is_map ? 2 : 1);
        js_pop(J, 2);
        return;
    }
    check_key(J, obj, is_map ? -2 : -1);
    table_put(J, obj->u.lib.u.table, js_tovalue(J, is_map ? -2 : -1),
              js_tovalue(J, -1));
    js_pop(J, is_map ? 5 : 4);
}

/* Fill the new table at 0 (where its methods expect it) from the iterable at
 * 1. */
static void table_fill(js_State *J, js_Object *obj)
{
    static const js_CFunction adders[] = { Mp_set, Setp_add, WMp_set, WSp_add };
    int is_plain, is_own, at;

    if (js_isundefined(J, 1) || js_isnull(J, 1)) {
        return;
    }
    at = js_gettop(J);
    js_getproperty(J, 0, obj->u.lib.kind == JS_LIBMAP ||
                                 obj->u.lib.kind == JS_LIBWEAKMAP
                             ? "set"
                             : "add");
    if (!js_iscallable(J, -1)) {
        js_typeerror(J, "what adds to a Map or Set is not a function");
    }
    is_plain = is_builtin(J, -1, adders[obj->u.lib.kind - JS_LIBMAP]);
    iter_begin(J, 1);
    is_own = lib_is(J, at + 1, JS_LIBITERATOR) != NULL;
    while (iter_next(J, at + 1)) {
        if (!is_own && js_try(J)) {
            iter_abort(J, at + 1);
        }
        fill_one(J, obj, at, is_plain);
        if (!is_own) {
            js_endtry(J);
        }
    }
    js_pop(J, 3);
}

static void new_table(js_State *J, js_LibKind kind, js_Object *proto)
{
    js_Object *obj;

    lib_pad(J, 2);
    obj = lib_object(J, kind, proto);
    js_pushobject(J, obj);
    js_copy(J, -1);
    js_replace(J, 0);
    this_table(J, kind);
    table_fill(J, obj);
}

static void new_Map(js_State *J)
{
    new_table(J, JS_LIBMAP, J->lib->map);
}
static void new_Set(js_State *J)
{
    new_table(J, JS_LIBSET, J->lib->set);
}

static void new_WeakMap(js_State *J)
{
    new_table(J, JS_LIBWEAKMAP, J->lib->weakmap);
}

static void new_WeakSet(js_State *J)
{
    new_table(J, JS_LIBWEAKSET, J->lib->weakset);
}

static void without_new(js_State *J)
{
    js_typeerror(J, "this constructor needs 'new'");
}

static js_Object *define_table(js_State *J, const char *name, js_CFunction con,
                               const js_Method *methods, js_CFunction size)
{
    js_Object *proto = jsV_newobject(J, JS_COBJECT, J->Object_prototype);

    js_pushobject(J, proto);
    lib_methods(J, methods);
    lib_tag(J, name);
    if (size == Setp_size) {
        js_getproperty(J, -1, "values");
        js_defproperty(J, -2, "keys", JS_DONTENUM);
    }
    if (size) {
        lib_getter(J, "get size", "size", size);
        js_getproperty(J, -1, size == Mp_size ? "entries" : "values");
        js_defproperty(J, -2, "@@iterator", JS_DONTENUM);
    }
    js_newcconstructor(J, without_new, con, name, 0);
    js_defglobal(J, name, JS_DONTENUM);
    return proto;
}

static void init_map(js_State *J)
{
    static const js_Method map[] = {
        { "get", Mp_get, 1 },         { "set", Mp_set, 2 },
        { "has", Mp_has, 1 },         { "delete", Mp_delete, 1 },
        { "clear", Mp_clear, 0 },     { "forEach", Mp_forEach, 1 },
        { "keys", Mp_keys, 0 },       { "values", Mp_values, 0 },
        { "entries", Mp_entries, 0 }, { NULL }
    };
    static const js_Method set[] = { { "add", Setp_add, 1 },
                                     { "has", Setp_has, 1 },
                                     { "delete", Setp_delete, 1 },
                                     { "clear", Setp_clear, 0 },
                                     { "forEach", Setp_forEach, 1 },
                                     { "values", Setp_values, 0 },
                                     { "entries", Setp_entries, 0 },
                                     { NULL } };
    static const js_Method weakmap[] = { { "get", WMp_get, 1 },
                                         { "set", WMp_set, 2 },
                                         { "has", WMp_has, 1 },
                                         { "delete", WMp_delete, 1 },
                                         { NULL } };
    static const js_Method weakset[] = { { "add", WSp_add, 1 },
                                         { "has", WSp_has, 1 },
                                         { "delete", WSp_delete, 1 },
                                         { NULL } };

    J->lib->map = define_table(J, "Map", new_Map, map, Mp_size);
    J->lib->set = define_table(J, "Set", new_Set, set, Setp_size);
    J->lib->weakmap = define_table(J, "WeakMap", new_WeakMap, weakmap, NULL);
    J->lib->weakset = define_table(J, "WeakSet", new_WeakSet, weakset, NULL);
}
