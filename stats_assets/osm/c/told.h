/* Actions that the grammar has found, as Python's objects: strict.take. */
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

/* id: one, or those of a run; it is taken over. */
static int add(PyObject *taken, int kind, int element, PyObject *id, const Side *old, const Side *new)
{
    int is_there = kind && old->visible != text_false, failed = 0;
    PyObject *parts[9] = {
        Py_NewRef(kind_names[kind]),
        Py_NewRef(element_names[element]),
        id,
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
            failed = 1;
        }
        else if (PyTuple_SetItem(made, part, parts[part]) < 0) {
            failed = 1;
        }
    }
    failed = failed || PyList_Append(taken, made) < 0;
    Py_XDECREF(made);
    return !failed;
}

/* Nodes with nothing inside, one after the other, that are alike in all but their ids. */
typedef struct {
    int kind;
    Side old, new;
    long long *ids;
    size_t count, room;
} Run;

static int is_bare(int kind, int element, const Side *old, const Side *new)
{
    return element == NODE && new->inside.begin == new->inside.end &&
           (!kind || old->inside.begin == old->inside.end);
}

static int is_alike(const Run *run, int kind, const Side *old, const Side *new)
{
    return run->count && run->kind == kind && run->new.version == new->version &&
           run->new.visible == new->visible && same(run->new.edit, new->edit) &&
           (!kind || (run->old.version == old->version &&
                      (run->old.visible == text_false) == (old->visible == text_false)));
}

static int push(Run *run, long long id)
{
    if (run->count == run->room) {
        size_t room = run->room ? 2 * run->room : 64;
        long long *ids = PyMem_Realloc(run->ids, room * sizeof(long long));
        if (ids == NULL) {
            PyErr_NoMemory();
            return 0;
        }
        run->ids = ids;
        run->room = room;
    }
    run->ids[run->count++] = id;
    return 1;
}

/* Add the first so many of the run, which are one action then. */
static int add_run(PyObject *taken, const Run *run, size_t count)
{
    PyObject *id = count == 1 ? PyLong_FromLongLong(run->ids[0])
                              : PyBytes_FromStringAndSize((const char *)run->ids, (Py_ssize_t)(count * sizeof(long long)));
    return add(taken, run->kind, NODE, id, &run->old, &run->new);
}

/* Add it all, the last by itself where nothing follows. */
static int end_run(PyObject *taken, Run *run, int is_last)
{
    size_t count = run->count;
    run->count = 0;
    if (count > 1 && is_last) {
        long long last = run->ids[count - 1];
        return add_run(taken, run, count - 1) &&
               add(taken, run->kind, NODE, PyLong_FromLongLong(last), &run->old, &run->new);
    }
    return !count || add_run(taken, run, count);
}

static int take_all(PyObject *taken, Cursor *cursor, const char **end, Run *run)
{
    int kind, element;
    Side old, new;
    while (is_action(cursor, &kind, &element, &old, &new)) {
        long long id = number(new.id);
        *end = cursor->at;
        if (is_bare(kind, element, &old, &new)) {
            if (!is_alike(run, kind, &old, &new)) {
                if (!end_run(taken, run, 0)) {
                    return 0;
                }
                run->kind = kind;
                run->old = old;
                run->new = new;
            }
            if (!push(run, id)) {
                return 0;
            }
        }
        else if (!end_run(taken, run, 0) || !add(taken, kind, element, PyLong_FromLongLong(id), &old, &new)) {
            return 0;
        }
    }
    return end_run(taken, run, 1);
}

static PyObject *take(PyObject *module, PyObject *arguments)
{
    const char *data;
    Py_ssize_t size, start;
    if (!PyArg_ParseTuple(arguments, "y#n", &data, &size, &start)) {
        return NULL;
    }
    if (start < 0 || start > size) {
        PyErr_SetString(PyExc_ValueError, "start is not in data");
        return NULL;
    }
    Cursor cursor = {data + start, data + size};
    const char *end = cursor.at;
    Run run = {.ids = NULL};
    PyObject *taken = PyList_New(0);
    if (taken != NULL && !take_all(taken, &cursor, &end, &run)) {
        Py_CLEAR(taken);
    }
    PyMem_Free(run.ids);
    if (taken == NULL) {
        return NULL;
    }
    /* Nothing that is of the grammar stands only at the data's end: so far it was. */
    int is_cut = cursor.at == cursor.end && begins(end, cursor.end);
    return Py_BuildValue("NnN", taken, (Py_ssize_t)(end - data), PyBool_FromLong(is_cut));
}
