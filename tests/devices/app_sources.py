"""What can be read from the apps' sources without their compilers: the syntax tree, and what stands in it."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import tree_sitter_kotlin
import tree_sitter_swift
from tree_sitter import Language, Node, Parser

REPOSITORY = Path(__file__).parents[2]
APPS = REPOSITORY / "apps"
IOS = APPS / "ios"
ANDROID = APPS / "android"
SWIFT = IOS / "Sources" / "CardEmbedDevice"
KOTLIN = ANDROID / "device" / "src" / "main" / "kotlin" / "dev" / "cardembed" / "device"
GRAMMARS = {".swift": tree_sitter_swift, ".kt": tree_sitter_kotlin, ".kts": tree_sitter_kotlin}
SOURCES = sorted(path for path in APPS.rglob("*") if path.suffix in GRAMMARS)

_IDENTIFIERS = ("identifier", "simple_identifier")

NAMES = {"App": "AppInfo", "Clock": "ClockSpan", "Thermal": "ThermalStates"}
"""What a structure of the schema is called in the apps, where that differs: these words are taken there."""


@cache
def tree(path: Path) -> Node:
    return Parser(Language(GRAMMARS[path.suffix].language())).parse(path.read_bytes()).root_node


def nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from nodes(child)


def of_type(node: Node, *types: str) -> list[Node]:
    return [found for found in nodes(node) if found.type in types]


def text(node: Node) -> str:
    return (node.text or b"").decode()


def function(path: Path, name: str) -> Node:
    """The one function that a source declares by this name, or its "init"."""
    declared = of_type(tree(path), "function_declaration", "init_declaration", "anonymous_initializer")
    (found,) = (
        one
        for one in declared
        if name in (text(child) for child in one.children if child.type in ("init", *_IDENTIFIERS))
    )
    return found


def calls(node: Node, name: str) -> list[Node]:
    """Calls of a function, or of a method of anything, below a node."""
    return [found for found in nodes(node) if _is_call(found, name)]


def enclosing(node: Node, name: str) -> Node | None:
    """The innermost call that a node stands in the arguments or closure of."""
    while (parent := node.parent) is not None:
        if _is_call(parent, name) and parent.children[0] != node:
            return parent
        node = parent
    return None


def _is_call(node: Node, name: str) -> bool:
    return node.type == "call_expression" and text(node.children[0]).rpartition(".")[2] == name


def refusals(node: Node) -> str:
    """The conditions below a node that decide whether it throws."""
    return "\n".join(
        text(choice).partition("throw ")[0]
        for choice in of_type(node, "guard_statement", "if_expression")
        if "throw " in text(choice)
    )


def faults(node: Node) -> list[str]:
    return [f"{n.start_point}: {text(n)[:60]}" for n in nodes(node) if n.is_error or n.is_missing]


def swift_structures() -> dict[str, dict[str, str]]:
    """Swift type by JSON key, by structure: keys from `CodingKeys`, types from the properties."""
    found = {}
    for structure in of_type(tree(SWIFT / "Wire.swift"), "class_declaration"):
        if text(structure.children[0]) != "struct" and "struct" not in [text(c) for c in structure.children]:
            continue
        name = text(structure.child_by_field_name("name"))
        types, keys = {}, {}
        for declared in of_type(structure, "property_declaration"):
            before, _, kind = text(declared).partition(":")
            types[before.split()[-1]] = kind.strip()
        for entry in of_type(structure, "enum_entry"):
            case, _, value = text(entry).removeprefix("case ").partition("=")
            keys[case.strip()] = value.strip().strip('"') or case.strip()
        assert set(types) == set(keys), name  # a property without a key would be a decoder's surprise
        found[name] = {keys[field]: kind for field, kind in types.items()}
    return found


def kotlin_structures() -> dict[str, dict[str, str]]:
    """Kotlin type by JSON key, by class: keys from `@SerialName`, else the parameter's own name."""
    found = {}
    for declared in of_type(tree(KOTLIN / "Wire.kt"), "class_declaration"):
        fields = {}
        for parameter in of_type(declared, "class_parameter"):
            head, _, kind = text(parameter).rpartition(":")
            renamed = of_type(parameter, "string_content")
            fields[text(renamed[0]) if renamed else head.split()[-1]] = kind.strip()
        name = next(
            text(child) for child in declared.children if child.type in ("identifier", "type_identifier")
        )
        assert "@Serializable" in text(declared), name
        found[name] = fields
    return found


def schema_type(schema: dict, prop: dict, language: str, field: str) -> str:
    """The type that a property has in an app."""
    if "$ref" in prop:
        target = prop["$ref"].rpartition("/")[2]
        if "enum" in schema["$defs"][target]:
            return "String"
        return NAMES.get(target, target)
    if prop["type"] == "array":
        inner = prop["items"] if "items" in prop else prop["prefixItems"][0]
        kind = schema_type(schema, inner, language, field)
        return f"[{kind}]" if language == "swift" else f"List<{kind}>"
    wide = field.endswith("_ns") or field == "bytes"
    whole = "Long" if language == "kotlin" and wide else "Int"
    truth = "Bool" if language == "swift" else "Boolean"
    return {"integer": whole, "number": "Double", "string": "String", "boolean": truth}[prop["type"]]


def schema_structures(language: str) -> dict[str, dict[str, str]]:
    """The same from the JSON Schemas."""
    from cardembed.devices.wire import json_schemas

    found = {}
    for schema in json_schemas().values():
        for name, structure in {schema["title"]: schema, **schema["$defs"]}.items():
            if "properties" in structure:
                found[NAMES.get(name, name)] = {
                    field: schema_type(schema, prop, language, field)
                    for field, prop in structure["properties"].items()
                }
    return found
