"""PBF's messages, as protobuf's own parser reads them: wiki.openstreetmap.org/wiki/PBF_Format. Only what is read here.

Here: names, numbers and types of fields. What they mean is pbf.py's.
"""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_MESSAGES = {
    "BlobHeader": "1 type string, 3 datasize int32",
    "Blob": "1 raw bytes, 2 raw_size int32, 3 zlib_data bytes",
    "HeaderBlock": "4 required_features string*, 32 osmosis_replication_timestamp int64",
    "StringTable": "1 s bytes*",
    "PrimitiveBlock": "1 stringtable StringTable, 2 primitivegroup PrimitiveGroup*, 17 granularity int32=100,"
    " 18 date_granularity int32=1000, 19 lat_offset int64, 20 lon_offset int64",
    "PrimitiveGroup": "1 nodes Node*, 2 dense DenseNodes, 3 ways Way*, 4 relations Relation*",
    "Info": "1 version int32=-1, 2 timestamp int64, 3 changeset int64, 4 uid int32, 5 user_sid uint32,"
    " 6 visible bool=true",
    "DenseInfo": "1 version int32*, 2 timestamp sint64*, 3 changeset sint64*, 4 uid sint32*, 5 user_sid sint32*,"
    " 6 visible bool*",
    "Node": "1 id sint64, 2 keys uint32*, 3 vals uint32*, 4 info Info, 8 lat sint64, 9 lon sint64",
    "DenseNodes": "1 id sint64*, 5 denseinfo DenseInfo, 8 lat sint64*, 9 lon sint64*, 10 keys_vals int32*",
    "Way": "1 id int64, 2 keys uint32*, 3 vals uint32*, 4 info Info, 8 refs sint64*",
    "Relation": "1 id int64, 2 keys uint32*, 3 vals uint32*, 4 info Info, 8 roles_sid int32*, 9 memids sint64*,"
    " 10 types int32*",
}
_PACKED = ("int32", "int64", "sint32", "sint64", "uint32", "bool")


@cache
def message(name: str) -> Any:
    """The class of this message."""
    file = descriptor_pb2.FileDescriptorProto(name="osm.proto", package="osm", syntax="proto2")
    for each, fields in _MESSAGES.items():
        described = file.message_type.add(name=each)
        for text in fields.split(", "):
            _add_field(described, text)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"osm.{name}"))


def _add_field(described: Any, text: str) -> None:
    number, name, kind = text.split(" ")
    kind, _, default = kind.partition("=")
    repeated, kind = kind.endswith("*"), kind.rstrip("*")
    kinds = descriptor_pb2.FieldDescriptorProto
    field = described.field.add(name=name, number=int(number))
    field.label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
    if kind in _MESSAGES:
        field.type, field.type_name = kinds.TYPE_MESSAGE, f".osm.{kind}"
    else:
        field.type = getattr(kinds, f"TYPE_{kind.upper()}")
    if repeated and kind in _PACKED:
        field.options.packed = True
    if default:
        field.default_value = default
