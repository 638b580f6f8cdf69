/* The strict grammar of grammar.py and strict.py in C: the same functions with the same answers, several times as fast.

Here: the module; what it does is in the three headers. It decides nothing. Positions are packed (8 bytes each), and so
are the ids of nodes. The stable ABI of Python 3.11 alone is used, so that one build is for all versions.
*/
#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "grammar.h"
#include "told.h"
#include "inside.h"

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
