/* SPDX-License-Identifier: Apache-2.0 */

/* Number and Math; part of jslib.c's room. */

/* ---- Number ---- */

static void N_isInteger(js_State *J)
{
    double n = js_isnumber(J, 1) ? js_tonumber(J, 1) : NAN;

    js_pushboolean(J, isfinite(n) && n == floor(n));
}

static void N_isSafeInteger(js_State *J)
{
    double n = js_isnumber(J, 1) ? js_tonumber(J, 1) : NAN;

    js_pushboolean(J, n == floor(n) && fabs(n) <= 9007199254740991.0);
}

static void N_isFinite(js_State *J)
{
    js_pushboolean(J, js_isnumber(J, 1) && isfinite(js_tonumber(J, 1)));
}

static void N_isNaN(js_State *J)
{
    js_pushboolean(J, js_isnumber(J, 1) && isnan(js_tonumber(J, 1)));
}

/* An option of toLocaleString(), 0 to 20. */
static int digits_option(js_State *J, const char *name, int otherwise)
{
    double n = otherwise;

    if (js_isobject(J, 2)) {
        js_getproperty(J, 2, name);
        n = js_isundefined(J, -1) ? otherwise : js_tonumber(J, -1);
        js_pop(J, 1);
        if (!(n >= 0 && n <= 20)) {
            js_rangeerror(J, "%s must be 0 to 20", name);
        }
    }
    return (int)n;
}

/* A number with so many decimals; a tie goes away from zero. */
static void js_tofixed(char buf[440], double x, int digits)
{
    char more[480], *d;
    int n, k;

    snprintf(buf, 440, "%.*f", digits, x);
    n = snprintf(more, sizeof(more), "%.*f", digits + 30, x);
    if (n >= (int)sizeof(more) || more[n - 30] != '5' ||
        strspn(more + n - 29, "0") != 29) {
        return;
    }
    /* exactly between: one more in the last place of what was cut off */
    more[n - 30] = 0;
    n -= 30;
    if (digits == 0) {
        more[--n] = 0; /* the point */
    }
    for (d = more + n - 1; d >= more && *d != '-'; --d) {
        if (*d == '.') {
            continue;
        }
        if (*d != '9') {
            ++*d;
            break;
        }
        *d = '0';
    }
    k = *more == '-';
    if (d < more + k) {
        memmove(more + k + 1, more + k, n - k + 1);
        more[k] = '1';
    }
    snprintf(buf, 440, "%.439s", more);
}

static void Np_toFixed2(js_State *J)
{
    js_Object *self = js_toobject(J, 0);
    double digits = lib_integer(J, 1), x;
    char buf[440];

    if (self->type != JS_CNUMBER) {
        js_typeerror(J, "not a number");
    }
    if (!(digits >= 0 && digits <= 100)) {
        js_rangeerror(J, "toFixed() digits must be 0 to 100");
    }
    x = self->u.number == 0 ? 0 : self->u.number;
    if (!isfinite(x) || fabs(x) >= 1e21) {
        js_pushstring(J, jsV_numbertostring(J, buf, x));
        return;
    }
    js_tofixed(buf, x, (int)digits);
    js_pushstring(J, buf);
}

/* The first @a n digits of x > 0, rounded, a tie upwards; what is behind them is
 * cut off. *exp is the power of ten of the first. */
#define DIGITS_SIZE 800
static void number_digits(double x, int n, char digits[DIGITS_SIZE], int *exp)
{
    int i;

    /* all that a number can have */
    snprintf(digits, DIGITS_SIZE, "%.766e", x);
    *exp = (int)strtol(strchr(digits, 'e') + 1, NULL, 10);
    memmove(digits + 1, digits + 2, 766);
    i = n - 1;
    if (digits[n] >= '5') {
        while (i >= 0 && digits[i] == '9') {
            digits[i--] = '0';
        }
        if (i >= 0) {
            ++digits[i];
        }
        else {
            digits[0] = '1';
            ++*exp;
        }
    }
    digits[n] = 0;
}

static double number_this(js_State *J)
{
    js_Object *self = js_toobject(J, 0);

    if (self->type != JS_CNUMBER) {
        js_typeerror(J, "not a number");
    }
    return self->u.number;
}

static void exponential(js_State *J, double x, const char *digits, int n,
                        int exp)
{
    char buf[DIGITS_SIZE];

    snprintf(buf, sizeof(buf), "%s%c%s%.*s%s%+d", x < 0 ? "-" : "", digits[0],
             n > 1 ? "." : "", n - 1, digits + 1, "e", exp);
    js_pushstring(J, buf);
}

static void Np_toExponential2(js_State *J)
{
    double x = number_this(J), n = lib_integer(J, 1);
    char digits[DIGITS_SIZE], buf[32];
    int exp = 0;

    if (!isfinite(x)) {
        js_pushstring(J, jsV_numbertostring(J, buf, x));
        return;
    }
    if (!(n >= 0 && n <= 100)) {
        js_rangeerror(J, "toExponential() digits must be 0 to 100");
    }
    if (x == 0) {
        memset(digits, '0', 101);
        n = js_isundefined(J, 1) ? 0 : n;
    }
    else if (js_isundefined(J, 1)) {
        n = js_shortest(fabs(x), digits, &exp) - 1;
        exp += (int)n;
    }
    else {
        number_digits(fabs(x), (int)n + 1, digits, &exp);
    }
    exponential(J, x, digits, (int)n + 1, exp);
}

static void Np_toPrecision2(js_State *J)
{
    double x = number_this(J), want;
    char digits[DIGITS_SIZE], buf[DIGITS_SIZE];
    int exp = 0, n;

    if (js_isundefined(J, 1)) {
        js_pushstring(J, jsV_numbertostring(J, buf, x));
        return;
    }
    want = lib_integer(J, 1);
    if (!isfinite(x)) {
        js_pushstring(J, jsV_numbertostring(J, buf, x));
        return;
    }
    if (!(want >= 1 && want <= 100)) {
        js_rangeerror(J, "toPrecision() digits must be 1 to 100");
    }
    n = (int)want;
    memset(digits, '0', 101);
    digits[n] = 0;
    if (x != 0) {
        number_digits(fabs(x), n, digits, &exp);
    }
    if (exp < -6 || exp >= n) {
        exponential(J, x, digits, n, exp);
        return;
    }
    if (exp >= 0) {
        snprintf(buf, sizeof(buf), "%s%.*s%s%s", x < 0 ? "-" : "", exp + 1,
                 digits, exp + 1 < n ? "." : "", digits + exp + 1);
    }
    else {
        snprintf(buf, sizeof(buf), "%s0.%.*s%s", x < 0 ? "-" : "", -exp - 1,
                 "000000", digits);
    }
    js_pushstring(J, buf);
}

/* ---- parseInt and parseFloat ---- */

static void B_parseInt(js_State *J)
{
    const char *s = js_skipspace(js_tostring(J, 1));
    int radix = js_toint32(J, 2), sign = *s == '-' ? -1 : 1, strip = 1;
    double n;
    char *e;

    s += *s == '-' || *s == '+';
    if (radix != 0) {
        if (radix < 2 || radix > 36) {
            js_pushnumber(J, NAN);
            return;
        }
        strip = radix == 16;
    }
    else {
        radix = 10;
    }
    if (strip && s[0] == '0' && (s[1] | 32) == 'x') {
        s += 2;
        radix = 16;
    }
    n = js_strtol(s, &e, radix);
    js_pushnumber(J, s == e ? NAN : n * sign);
}

static void B_parseFloat(js_State *J)
{
    const char *s = js_skipspace(js_tostring(J, 1)), *word;
    char *e;
    double n;

    word = s + (*s == '-' || *s == '+');
    if (!strncmp(word, "Infinity", 8)) {
        js_pushnumber(J, *s == '-' ? -INFINITY : INFINITY);
        return;
    }
    n = js_stringtofloat(s, &e);
    js_pushnumber(J, e == s ? NAN : n);
}

/* As in English: 1,234,567.891 */
static void Np_toLocaleString(js_State *J)
{
    js_Object *self = js_toobject(J, 0);
    char buf[440], out[600], *point, *d;
    int min, max, n, i, k = 0;
    double x;

    lib_pad(J, 3);
    if (self->type != JS_CNUMBER) {
        js_typeerror(J, "not a number");
    }
    x = self->u.number;
    min = digits_option(J, "minimumFractionDigits", 0);
    max = digits_option(J, "maximumFractionDigits", min > 3 ? min : 3);
    if (!isfinite(x)) {
        js_pushstring(J, isnan(x) ? "NaN"
                         : x < 0  ? "-\342\210\236"
                                  : "\342\210\236");
        return;
    }
    js_tofixed(buf, x, max);
    point = strchr(buf, '.');
    if (point) {
        for (d = buf + strlen(buf); d - point - 1 > min && d[-1] == '0';) {
            *--d = 0;
        }
        if (d == point + 1) {
            *point = 0;
            point = NULL;
        }
    }
    n = (int)(point ? point - buf : (int)strlen(buf));
    for (i = 0; i < n; ++i) {
        if (i > (buf[0] == '-') && (n - i) % 3 == 0) {
            out[k++] = ',';
        }
        out[k++] = buf[i];
    }
    memcpy(out + k, buf + n, strlen(buf + n) + 1);
    js_pushstring(J, out);
}

/* ---- Math ---- */

#define MATH(name, expression)                                                 \
    static void Math_##name(js_State *J)                                       \
    {                                                                          \
        double x = js_tonumber(J, 1);                                          \
        js_pushnumber(J, expression);                                          \
    }

MATH(trunc, trunc(x))
MATH(sign, x > 0 ? 1 : x < 0 ? -1 : x)
MATH(cbrt, (double)cbrtl(x))
MATH(log2, log2(x))
MATH(log10, log10(x))
MATH(log1p, log1p(x))
MATH(expm1, expm1(x))
MATH(fround, (double)(float)x)
MATH(sinh, sinh(x))
MATH(cosh, cosh(x))
MATH(tanh, tanh(x))
MATH(asinh, x == 0 ? x : asinh(x))
MATH(acosh, acosh(x))
MATH(atanh, atanh(x))

static void Math_clz32(js_State *J)
{
    unsigned n = js_touint32(J, 1);

    js_pushnumber(J, n ? __builtin_clz(n) : 32);
}

static void Math_imul(js_State *J)
{
    js_pushnumber(J, (int)(js_touint32(J, 1) * js_touint32(J, 2)));
}

static void Math_hypot(js_State *J)
{
    int i, n = js_gettop(J), nan = 0;
    double most = 0, sum = 0, rest = 0;

    for (i = 1; i < n; ++i) {
        double x = fabs(js_tonumber(J, i));
        nan |= isnan(x);
        most = x > most ? x : most;
    }
    if (isinf(most) || nan || most == 0) {
        js_pushnumber(J, isinf(most) ? INFINITY : nan ? NAN : 0);
        return;
    }
    for (i = 1; i < n; ++i) {
        double x = js_tonumber(J, i) / most;
        double part = x * x - rest, total = sum + part;
        rest = (total - sum) - part;
        sum = total;
    }
    js_pushnumber(J, sqrt(sum) * most);
}

static void init_number(js_State *J)
{
    static const js_Method statics[] = { { "isInteger", N_isInteger, 1 },
                                         { "isSafeInteger", N_isSafeInteger,
                                           1 },
                                         { "isFinite", N_isFinite, 1 },
                                         { "isNaN", N_isNaN, 1 },
                                         { NULL } };
    static const char *const shared[] = { "parseInt", "parseFloat" };
    int i;

    js_newcfunction(J, B_parseInt, "parseInt", 2);
    js_defglobal(J, "parseInt", JS_DONTENUM);
    js_newcfunction(J, B_parseFloat, "parseFloat", 1);
    js_defglobal(J, "parseFloat", JS_DONTENUM);
    js_pushobject(J, J->Number_prototype);
    jsB_propf(J, "toLocaleString", Np_toLocaleString, 0);
    jsB_propf(J, "toFixed", Np_toFixed2, 1);
    jsB_propf(J, "toExponential", Np_toExponential2, 1);
    jsB_propf(J, "toPrecision", Np_toPrecision2, 1);
    js_pop(J, 1);
    js_getglobal(J, "Number");
    lib_says(J, NULL, 1);
    lib_methods(J, statics);
    for (i = 0; i < 2; ++i) {
        js_getglobal(J, shared[i]);
        js_defproperty(J, -2, shared[i], JS_DONTENUM);
    }
    jsB_propn(J, "EPSILON", 2.220446049250313e-16);
    jsB_propn(J, "MAX_SAFE_INTEGER", 9007199254740991.0);
    jsB_propn(J, "MIN_SAFE_INTEGER", -9007199254740991.0);
    js_pop(J, 1);
}

static void init_math(js_State *J)
{
    static const js_Method math[] = {
        { "trunc", Math_trunc, 1 }, { "sign", Math_sign, 1 },
        { "cbrt", Math_cbrt, 1 },   { "log2", Math_log2, 1 },
        { "log10", Math_log10, 1 }, { "log1p", Math_log1p, 1 },
        { "expm1", Math_expm1, 1 }, { "fround", Math_fround, 1 },
        { "sinh", Math_sinh, 1 },   { "cosh", Math_cosh, 1 },
        { "tanh", Math_tanh, 1 },   { "asinh", Math_asinh, 1 },
        { "acosh", Math_acosh, 1 }, { "atanh", Math_atanh, 1 },
        { "clz32", Math_clz32, 1 }, { "imul", Math_imul, 2 },
        { "hypot", Math_hypot, 0 }, { NULL }
    };

    js_getglobal(J, "Math");
    lib_methods(J, math);
    lib_says(J, "max", 2);
    lib_says(J, "min", 2);
    lib_says(J, "hypot", 2);
    lib_tag(J, "Math");
    js_pop(J, 1);
}
