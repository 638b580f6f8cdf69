/* The strict grammar of strict.py, in C: the same functions with the same answers, several times as fast.

Here: what strict.py has, in its words, and nothing else. Positions are packed (8 bytes each), ids of nodes too. The
stable ABI of Python 3.11 alone is used, so that one build is for all versions. A function of the grammar moves the
cursor behind what it has found, and answers 0 where something else stands there.
*/
#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const char *at, *end;
} Cursor;

typedef struct {
    const char *begin, *end;
} Span;

typedef struct {
    Span id, place, edit, inside;
    long long version; /* -1: none is told */
    PyObject *visible;
} Side;

enum { NODE, WAY, RELATION, ELEMENTS };

static const char *const ELEMENT[] = {"node", "way", "relation"};
static const char *const KIND[] = {"create", "modify", "delete"};
static PyObject *element_names[3], *kind_names[3], *text_true, *text_false, *nothing;

/* --- the grammar --- */

#define IS(cursor, literal) is(cursor, literal, sizeof(literal) - 1)

static int is(Cursor *cursor, const char *literal, size_t size)
{
    if ((size_t)(cursor->end - cursor->at) < size || memcmp(cursor->at, literal, size) != 0) {
        return 0;
    }
    cursor->at += size;
    return 1;
}

static void blanks(Cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\n' || *cursor->at == '\t')) {
        cursor->at++;
    }
}

static int is_digit(const Cursor *cursor)
{
    return cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9';
}

/* What ends a value, or is not of the grammar. */
static const char STOPS[256] = {['<'] = 1, ['&'] = 1, ['"'] = 1, ['\n'] = 1, ['\t'] = 1, ['\r'] = 1};

/* A value and its closing quote. */
static int is_text(Cursor *cursor, Span *found)
{
    found->begin = cursor->at;
    while (cursor->at < cursor->end && !STOPS[(unsigned char)*cursor->at]) {
        cursor->at++;
    }
    found->end = cursor->at;
    return IS(cursor, "\"");
}

static int is_number(Cursor *cursor, Span *found)
{
    found->begin = cursor->at;
    if (is_digit(cursor) && *cursor->at == '0') {
        cursor->at++;
    }
    else {
        while (is_digit(cursor) && cursor->at - found->begin < 18) {
            cursor->at++;
        }
    }
    found->end = cursor->at;
    return found->end > found->begin && IS(cursor, "\"");
}

static long long number(Span digits)
{
    long long value = 0;
    for (const char *at = digits.begin; at < digits.end; at++) {
        value = value * 10 + (*at - '0');
    }
    return value;
}

static int is_degrees(Cursor *cursor)
{
    IS(cursor, "-");
    const char *begin = cursor->at;
    while (is_digit(cursor) && cursor->at - begin < 9) {
        cursor->at++;
    }
    if (cursor->at == begin) {
        return 0;
    }
    if (IS(cursor, ".")) {
        begin = cursor->at;
        while (is_digit(cursor) && cursor->at - begin < 15) {
            cursor->at++;
        }
        if (cursor->at == begin) {
            return 0;
        }
    }
    return IS(cursor, "\"");
}

static int is_place(Cursor *cursor)
{
    return IS(cursor, " lat=\"") && is_degrees(cursor) && IS(cursor, " lon=\"") && is_degrees(cursor);
}

/* A part that may be missing: where it begins, it must be whole. */
static int maybe_place(Cursor *cursor)
{
    Cursor ahead = *cursor;
    return !IS(&ahead, " lat=\"") || is_place(cursor);
}

static int is_tags(Cursor *cursor)
{
    Span key, value;
    while (IS(cursor, "<tag k=\"")) {
        if (!is_text(cursor, &key) || !IS(cursor, " v=\"") || !is_text(cursor, &value) || !IS(cursor, "/>")) {
            return 0;
        }
        blanks(cursor);
    }
    return 1;
}

static int is_bounds(Cursor *cursor)
{
    if (!IS(cursor, "<bounds minlat=\"")) {
        return 1;
    }
    if (!is_degrees(cursor) || !IS(cursor, " minlon=\"") || !is_degrees(cursor) || !IS(cursor, " maxlat=\"") ||
        !is_degrees(cursor) || !IS(cursor, " maxlon=\"") || !is_degrees(cursor) || !IS(cursor, "/>")) {
        return 0;
    }
    blanks(cursor);
    return 1;
}

static int is_nodes(Cursor *cursor)
{
    Span reference;
    while (IS(cursor, "<nd ref=\"")) {
        if (!is_number(cursor, &reference) || !is_place(cursor) || !IS(cursor, "/>")) {
            return 0;
        }
        blanks(cursor);
    }
    return 1;
}

static int is_members(Cursor *cursor)
{
    Span reference, role;
    while (IS(cursor, "<member type=\"")) {
        if (!(IS(cursor, "node\"") || IS(cursor, "way\"") || IS(cursor, "relation\"")) || !IS(cursor, " ref=\"") ||
            !is_number(cursor, &reference) || !IS(cursor, " role=\"") || !is_text(cursor, &role) ||
            !maybe_place(cursor)) {
            return 0;
        }
        if (!IS(cursor, "/>")) {
            if (!IS(cursor, ">")) {
                return 0;
            }
            blanks(cursor);
            while (IS(cursor, "<nd")) {
                if (!is_place(cursor) || !IS(cursor, "/>")) {
                    return 0;
                }
                blanks(cursor);
            }
            if (!IS(cursor, "</member>")) {
                return 0;
            }
        }
        blanks(cursor);
    }
    return 1;
}

static int is_edit(Cursor *cursor)
{
    Span value;
    return (!IS(cursor, " timestamp=\"") || is_text(cursor, &value)) &&
           (!IS(cursor, " changeset=\"") || is_number(cursor, &value)) &&
           (!IS(cursor, " uid=\"") || is_number(cursor, &value)) && (!IS(cursor, " user=\"") || is_text(cursor, &value));
}

static int is_side(Cursor *cursor, int element, Side *side)
{
    Span version;
    if (!IS(cursor, "<") || !is(cursor, ELEMENT[element], strlen(ELEMENT[element])) || !IS(cursor, " id=\"") ||
        !is_number(cursor, &side->id)) {
        return 0;
    }
    side->place.begin = cursor->at;
    if (element == NODE && !maybe_place(cursor)) {
        return 0;
    }
    side->place.end = cursor->at;
    side->visible = Py_None;
    if (IS(cursor, " visible=\"")) {
        side->visible = IS(cursor, "true\"") ? text_true : IS(cursor, "false\"") ? text_false : NULL;
        if (side->visible == NULL) {
            return 0;
        }
    }
    side->version = -1;
    if (IS(cursor, " version=\"")) {
        if (!is_number(cursor, &version)) {
            return 0;
        }
        side->version = number(version);
    }
    side->edit.begin = cursor->at;
    if (!is_edit(cursor)) {
        return 0;
    }
    side->edit.end = side->inside.begin = side->inside.end = cursor->at;
    if (IS(cursor, "/>")) {
        return 1;
    }
    if (!IS(cursor, ">")) {
        return 0;
    }
    blanks(cursor);
    side->inside.begin = cursor->at;
    if (element == WAY ? !is_bounds(cursor) || !is_nodes(cursor)
                       : element == RELATION && (!is_bounds(cursor) || !is_members(cursor))) {
        return 0;
    }
    if (!is_tags(cursor)) {
        return 0;
    }
    side->inside.end = cursor->at;
    return IS(cursor, "</") && is(cursor, ELEMENT[element], strlen(ELEMENT[element])) && IS(cursor, ">");
}

static int same(Span one, Span other)
{
    return one.end - one.begin == other.end - other.begin &&
           memcmp(one.begin, other.begin, (size_t)(one.end - one.begin)) == 0;
}

static int is_action(Cursor *cursor, int *kind, int *element, Side *old, Side *new)
{
    blanks(cursor);
    if (!IS(cursor, "<action type=\"")) {
        return 0;
    }
    *kind = IS(cursor, "create\">") ? 0 : IS(cursor, "modify\">") ? 1 : IS(cursor, "delete\">") ? 2 : 3;
    if (*kind == 3) {
        return 0;
    }
    blanks(cursor);
    if (*kind) {
        if (!IS(cursor, "<old>")) {
            return 0;
        }
        blanks(cursor);
    }
    Cursor ahead = *cursor;
    *element = IS(&ahead, "<node ") ? NODE : IS(&ahead, "<way ") ? WAY : RELATION;
    if (*kind) {
        if (!is_side(cursor, *element, old)) {
            return 0;
        }
        blanks(cursor);
        if (!IS(cursor, "</old>")) {
            return 0;
        }
        blanks(cursor);
        if (!IS(cursor, "<new>")) {
            return 0;
        }
        blanks(cursor);
    }
    if (!is_side(cursor, *element, new) || (*kind && !same(old->id, new->id)) ||
        (new->version < 0 && *kind != 2 && new->visible != text_false)) {
        return 0;
    }
    blanks(cursor);
    if (*kind) {
        if (!IS(cursor, "</new>")) {
            return 0;
        }
        blanks(cursor);
    }
    if (!IS(cursor, "</action>")) {
        return 0;
    }
    blanks(cursor);
    return 1;
}

static int begins(const char *data, const char *end)
{
    Cursor cursor = {data, end};
    blanks(&cursor);
    return IS(&cursor, "<action type=\"");
}

/* --- what was found, as Python's objects --- */

/* Texts, and edits, that were made before, each kept until another takes its place: few come very often. */
typedef struct {
    char *bytes;
    size_t size;
    PyObject *made;
} Known;

#define LONGEST_TEXT 48
#define LONGEST_EDIT 1000
static Known known_texts[4096], known_edits[1024];

static Known *known(Known *all, size_t count, Span span)
{
    size_t size = (size_t)(span.end - span.begin), left = size;
    uint64_t hash = size, word;
    for (const char *at = span.begin; left; at += 8, left -= left < 8 ? left : 8) {
        word = 0;
        memcpy(&word, at, left < 8 ? left : 8);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    return &all[hash % count];
}

static int is_known(const Known *entry, Span span)
{
    size_t size = (size_t)(span.end - span.begin);
    return entry->made != NULL && entry->size == size && memcmp(entry->bytes, span.begin, size) == 0;
}

static void keep(Known *entry, Span span, PyObject *made)
{
    size_t size = (size_t)(span.end - span.begin);
    char *bytes = PyMem_Malloc(size + 1);
    if (bytes == NULL) {
        return;
    }
    memcpy(bytes, span.begin, size);
    PyMem_Free(entry->bytes);
    Py_XDECREF(entry->made);
    entry->bytes = bytes;
    entry->size = size;
    entry->made = Py_NewRef(made);
}

static PyObject *text(Span span)
{
    Py_ssize_t size = span.end - span.begin;
    if (size > LONGEST_TEXT) {
        return PyUnicode_DecodeUTF8(span.begin, size, "strict");
    }
    Known *entry = known(known_texts, sizeof(known_texts) / sizeof(Known), span);
    if (is_known(entry, span)) {
        return Py_NewRef(entry->made);
    }
    PyObject *made = PyUnicode_DecodeUTF8(span.begin, size, "strict");
    if (made != NULL) {
        keep(entry, span, made);
    }
    return made;
}

static PyObject *read_edit(Span span)
{
    static const char *const NAMES[] = {" timestamp=\"", " changeset=\"", " uid=\"", " user=\""};
    Cursor cursor = {span.begin, span.end};
    Span value;
    PyObject *edit = PyTuple_New(4);
    for (int part = 0; edit != NULL && part < 4; part++) {
        PyObject *made = Py_NewRef(Py_None);
        if (is(&cursor, NAMES[part], strlen(NAMES[part])) && is_text(&cursor, &value)) {
            Py_DECREF(made);
            made = text(value);
        }
        if (made == NULL || PyTuple_SetItem(edit, part, made) < 0) {
            Py_CLEAR(edit);
        }
    }
    return edit;
}

static PyObject *edit_of(Span span)
{
    if (span.end - span.begin > LONGEST_EDIT) {
        return read_edit(span);
    }
    Known *entry = known(known_edits, sizeof(known_edits) / sizeof(Known), span);
    if (is_known(entry, span)) {
        return Py_NewRef(entry->made);
    }
    PyObject *made = read_edit(span);
    if (made != NULL) {
        keep(entry, span, made);
    }
    return made;
}

static PyObject *version_of(long long version)
{
    return version < 0 ? Py_NewRef(Py_None) : PyLong_FromLongLong(version);
}

/* Place and inside; nothing where nothing is inside. */
static PyObject *inside_of(const Side *side)
{
    Py_ssize_t place = side->place.end - side->place.begin, inside = side->inside.end - side->inside.begin;
    if (!inside) {
        return Py_NewRef(nothing);
    }
    PyObject *made = PyBytes_FromStringAndSize(NULL, place + inside);
    if (made != NULL) {
        char *at = PyBytes_AsString(made);
        memcpy(at, side->place.begin, (size_t)place);
        memcpy(at + place, side->inside.begin, (size_t)inside);
    }
    return made;
}

static PyObject *told(int kind, int element, const Side *old, const Side *new)
{
    int is_there = kind && old->visible != text_false;
    PyObject *parts[9] = {
        Py_NewRef(kind_names[kind]),
        Py_NewRef(element_names[element]),
        PyLong_FromLongLong(number(new->id)),
        version_of(new->version),
        Py_NewRef(new->visible),
        edit_of(new->edit),
        version_of(kind ? old->version : -1),
        is_there ? inside_of(old) : Py_NewRef(Py_None),
        inside_of(new),
    };
    PyObject *made = PyTuple_New(9);
    for (int part = 0; part < 9; part++) {
        if (parts[part] == NULL || made == NULL) {
            Py_XDECREF(parts[part]);
            Py_CLEAR(made);
        }
        else if (PyTuple_SetItem(made, part, parts[part]) < 0) {
            Py_CLEAR(made);
        }
    }
    return made;
}

static PyObject *take(PyObject *module, PyObject *arguments)
{
    const char *data;
    Py_ssize_t size, start;
    int kind, element;
    Side old, new;
    if (!PyArg_ParseTuple(arguments, "y#n", &data, &size, &start)) {
        return NULL;
    }
    if (start < 0 || start > size) {
        PyErr_SetString(PyExc_ValueError, "start is not in data");
        return NULL;
    }
    PyObject *taken = PyList_New(0);
    Cursor cursor = {data + start, data + size};
    while (taken != NULL && is_action(&cursor, &kind, &element, &old, &new)) {
        PyObject *action = told(kind, element, &old, &new);
        if (action == NULL || PyList_Append(taken, action) < 0) {
            Py_CLEAR(taken);
        }
        Py_XDECREF(action);
        start = cursor.at - data;
    }
    if (taken == NULL) {
        return NULL;
    }
    /* Nothing that is of the grammar stands only at the data's end: so far it was. */
    int is_cut = cursor.at == cursor.end && begins(data + start, cursor.end);
    return Py_BuildValue("NnN", taken, start, PyBool_FromLong(is_cut));
}

/* --- what is inside an element that was taken; so it is of the grammar --- */

static double degrees(Cursor *cursor)
{
#if FLT_EVAL_METHOD == 0
    static const double POWER[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    long long whole = 0;
    int digits = 0, decimals = 0;
    const char *begin = cursor->at;
    int negative = IS(cursor, "-");
    for (; is_digit(cursor); digits++) {
        whole = whole * 10 + (*cursor->at++ - '0');
    }
    if (IS(cursor, ".")) {
        for (; is_digit(cursor) && digits <= 15; digits++, decimals++) {
            whole = whole * 10 + (*cursor->at++ - '0');
        }
    }
    /* Both are exact then, and a division rounds once: as strtod. */
    if (digits <= 15) {
        double value = (double)whole / POWER[decimals];
        cursor->at++;
        return negative ? -value : value;
    }
    cursor->at = begin;
#endif
    char *end;
    double found = PyOS_string_to_double(cursor->at, &end, NULL);
    cursor->at = end + 1;
    return found;
}

/* The positions of all <nd> from here on, up to another element; the ids, too, where wanted. */
static PyObject *read_nodes(Cursor *cursor, PyObject **longitudes)
{
    Cursor counting = *cursor;
    Span skipped;
    Py_ssize_t count = 0;
    while (IS(&counting, "<nd")) {
        counting.at = memchr(counting.at, '>', (size_t)(counting.end - counting.at));
        counting.at++;
        blanks(&counting);
        count++;
    }
    PyObject *latitudes = PyBytes_FromStringAndSize(NULL, count * 8);
    *longitudes = PyBytes_FromStringAndSize(NULL, count * 8);
    if (latitudes == NULL || *longitudes == NULL) {
        Py_CLEAR(latitudes);
        Py_CLEAR(*longitudes);
        return NULL;
    }
    char *north = PyBytes_AsString(latitudes), *east = PyBytes_AsString(*longitudes);
    for (; count; count--, north += 8, east += 8) {
        IS(cursor, "<nd");
        if (IS(cursor, " ref=\"")) {
            is_number(cursor, &skipped);
        }
        IS(cursor, " lat=\"");
        double value = degrees(cursor);
        memcpy(north, &value, 8);
        IS(cursor, " lon=\"");
        value = degrees(cursor);
        memcpy(east, &value, 8);
        IS(cursor, "/>");
        blanks(cursor);
    }
    return latitudes;
}

static PyObject *read_place(Cursor *cursor, PyObject **longitude)
{
    double north = NAN, east = NAN;
    if (IS(cursor, " lat=\"")) {
        north = degrees(cursor);
        IS(cursor, " lon=\"");
        east = degrees(cursor);
    }
    *longitude = PyBytes_FromStringAndSize((const char *)&east, 8);
    return PyBytes_FromStringAndSize((const char *)&north, 8);
}

static PyObject *tags_from(Cursor *cursor)
{
    Span key, value;
    PyObject *tags = PyDict_New();
    while (tags != NULL && IS(cursor, "<tag k=\"")) {
        is_text(cursor, &key);
        IS(cursor, " v=\"");
        is_text(cursor, &value);
        IS(cursor, "/>");
        blanks(cursor);
        PyObject *name = text(key), *said = text(value);
        if (name == NULL || said == NULL || PyDict_SetItem(tags, name, said) < 0) {
            Py_CLEAR(tags);
        }
        Py_XDECREF(name);
        Py_XDECREF(said);
    }
    return tags;
}

static int begin(PyObject *inside, Cursor *cursor)
{
    char *data;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(inside, &data, &size) < 0) {
        return 0;
    }
    cursor->at = data;
    cursor->end = data + size;
    return 1;
}

static PyObject *read_tags(PyObject *module, PyObject *inside)
{
    static const char TAG[] = "<tag k=\"";
    Cursor cursor;
    if (!begin(inside, &cursor)) {
        return NULL;
    }
    /* No value holds a '<'. */
    while (cursor.at < cursor.end && ((size_t)(cursor.end - cursor.at) < sizeof(TAG) - 1 ||
                                      memcmp(cursor.at, TAG, sizeof(TAG) - 1) != 0)) {
        const char *next = memchr(cursor.at + 1, '<', (size_t)(cursor.end - cursor.at - 1));
        cursor.at = next == NULL ? cursor.end : next;
    }
    return tags_from(&cursor);
}

static PyObject *read_position(PyObject *module, PyObject *inside)
{
    Cursor cursor;
    PyObject *longitude;
    if (!begin(inside, &cursor)) {
        return NULL;
    }
    PyObject *latitude = read_place(&cursor, &longitude);
    return Py_BuildValue("NN", latitude, longitude);
}

static PyObject *read_way(PyObject *module, PyObject *inside)
{
    Cursor cursor;
    PyObject *longitudes;
    if (!begin(inside, &cursor)) {
        return NULL;
    }
    is_bounds(&cursor);
    PyObject *latitudes = read_nodes(&cursor, &longitudes);
    if (latitudes == NULL) {
        return NULL;
    }
    return Py_BuildValue("NNN", latitudes, longitudes, tags_from(&cursor));
}

static PyObject *read_references(PyObject *module, PyObject *inside)
{
    Cursor cursor;
    Span reference;
    if (!begin(inside, &cursor)) {
        return NULL;
    }
    is_bounds(&cursor);
    Cursor counting = cursor;
    Py_ssize_t count = 0;
    while (IS(&counting, "<nd")) {
        counting.at = (const char *)memchr(counting.at, '>', (size_t)(counting.end - counting.at)) + 1;
        blanks(&counting);
        count++;
    }
    PyObject *found = PyBytes_FromStringAndSize(NULL, count * 8);
    if (found == NULL) {
        return NULL;
    }
    for (char *at = PyBytes_AsString(found); count; count--, at += 8) {
        IS(&cursor, "<nd ref=\"");
        is_number(&cursor, &reference);
        long long id = number(reference);
        memcpy(at, &id, 8);
        cursor.at = (const char *)memchr(cursor.at, '>', (size_t)(cursor.end - cursor.at)) + 1;
        blanks(&cursor);
    }
    return found;
}

static PyObject *read_member(Cursor *cursor)
{
    Span kind, reference, role;
    PyObject *latitudes, *longitudes;
    is_text(cursor, &kind);
    IS(cursor, " ref=\"");
    is_number(cursor, &reference);
    IS(cursor, " role=\"");
    is_text(cursor, &role);
    PyObject *own_longitude, *own_latitude = read_place(cursor, &own_longitude);
    int is_node = kind.end - kind.begin == 4;
    if (!IS(cursor, "/>")) {
        IS(cursor, ">");
        blanks(cursor);
        latitudes = read_nodes(cursor, &longitudes);
        IS(cursor, "</member>");
    }
    else {
        latitudes = Py_NewRef(nothing);
        longitudes = Py_NewRef(nothing);
    }
    blanks(cursor);
    PyObject *found = Py_BuildValue("NNOO", text(kind), text(role), is_node ? own_latitude : latitudes,
                                    is_node ? own_longitude : longitudes);
    Py_XDECREF(own_latitude);
    Py_XDECREF(own_longitude);
    Py_XDECREF(latitudes);
    Py_XDECREF(longitudes);
    return found;
}

static PyObject *read_members(PyObject *module, PyObject *inside)
{
    Cursor cursor;
    if (!begin(inside, &cursor)) {
        return NULL;
    }
    is_bounds(&cursor);
    PyObject *members = PyList_New(0);
    while (members != NULL && IS(&cursor, "<member type=\"")) {
        PyObject *member = read_member(&cursor);
        if (member == NULL || PyList_Append(members, member) < 0) {
            Py_CLEAR(members);
        }
        Py_XDECREF(member);
    }
    return members;
}

static PyMethodDef FUNCTIONS[] = {
    {"take", take, METH_VARARGS, "See strict.take."},
    {"read_tags", read_tags, METH_O, "See strict.read_tags."},
    {"read_position", read_position, METH_O, "See strict.read_position."},
    {"read_way", read_way, METH_O, "See strict.read_way."},
    {"read_references", read_references, METH_O, "See strict.read_references."},
    {"read_members", read_members, METH_O, "See strict.read_members."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_strict", "The strict grammar of strict.py, in C.", -1, FUNCTIONS};

PyMODINIT_FUNC PyInit__strict(void)
{
    for (int number = 0; number < 3; number++) {
        element_names[number] = PyUnicode_InternFromString(ELEMENT[number]);
        kind_names[number] = PyUnicode_InternFromString(KIND[number]);
        if (element_names[number] == NULL || kind_names[number] == NULL) {
            return NULL;
        }
    }
    text_true = PyUnicode_InternFromString("true");
    text_false = PyUnicode_InternFromString("false");
    nothing = PyBytes_FromStringAndSize(NULL, 0);
    if (text_true == NULL || text_false == NULL || nothing == NULL) {
        return NULL;
    }
    return PyModule_Create(&MODULE);
}
