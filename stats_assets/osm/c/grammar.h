/* What is of the strict grammar: grammar.py's expressions, as functions of their names.

Each moves the cursor behind what it has found, and answers 0 where something else stands there.
*/
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

