"""The shape check and the decoder agree; every kind of field can be described."""

from hypothesis import given
from msgspec import inspect
from tests.configuration.documents import documents

from faregate.configuration.document import Document
from faregate.configuration.references import plain
from faregate.configuration.shape import convert, describe
from faregate.configuration.yaml_tree import Located


def located(value: object) -> Located:
    if isinstance(value, dict):
        return Located(
            {name: located(inner) for name, inner in value.items()}, 1, dict.fromkeys(value, 1)
        )
    if isinstance(value, list):
        return Located([located(inner) for inner in value], 1)
    return Located(value, 1)


@given(documents())
def test_whole_documents_pass(document: Document) -> None:
    assert convert(located(plain(document))) == (document, [])


def scalars(shape: inspect.Type) -> list[inspect.Type]:
    if isinstance(shape, inspect.Metadata):
        return scalars(shape.type)
    if isinstance(shape, inspect.StructType):
        return [one for field in shape.fields for one in scalars(field.type)]
    if isinstance(shape, inspect.UnionType):
        return [one for part in shape.types for one in scalars(part)]
    if isinstance(shape, inspect.VarTupleType):
        return scalars(shape.item_type)
    if isinstance(shape, inspect.DictType):
        return scalars(shape.value_type)
    return [] if isinstance(shape, inspect.NoneType) else [shape]


def test_every_field_is_described() -> None:
    found = scalars(inspect.type_info(Document))
    assert len(found) > 50
    assert all(describe(shape) for shape in found)
