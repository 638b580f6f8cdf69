/* What is inside an element that was taken, so that it is of the grammar: strict.read_tags and the others. */
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

