"""Makes docs/STACK_FILE.md of the JSON Schema that `deployer schema` prints: python3 stack_file.py < schema.json"""

import json
import sys

schema = json.load(sys.stdin)
definitions = schema["$defs"]
TYPES = [name for name in definitions if name not in ("service", "component")]


def target(field):
    return field.get("$ref", "").rsplit("/", 1)[-1]


def kind(field):
    """What a field takes, in a word or two."""
    if target(field) == "component":
        return "a component of any type below"
    if "$ref" in field:
        return f"a [{target(field)}](#{target(field)})"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"] if value is not None)
    for several in ("anyOf", "oneOf"):
        if several in field:
            return " or ".join(dict.fromkeys(kind(one) for one in field[several]))
    types = field.get("type", "any")
    types = [one for one in (types if isinstance(types, list) else [types]) if one != "null"]
    if "array" in types and len(types) == 1:
        return f"list of {kind(field['items'])}" if field.get("items") else "list"
    if "object" in types and len(types) == 1:
        values = field.get("additionalProperties")
        return f"map to {kind(values)}" if isinstance(values, dict) else "map"
    if set(types) >= {"string", "number"}:
        return "text"
    words = {"string": "text", "boolean": "true or false", "integer": "whole number", "object": "map", "array": "list"}
    return " or ".join(dict.fromkeys(words.get(one, one) for one in types))


def limits(field):
    found = []
    if "minimum" in field or "maximum" in field:
        found.append(f"{field.get('minimum', '')} to {field.get('maximum', '')}".strip())
    if "default" in field:
        found.append(f"default `{json.dumps(field['default'])}`")
    return found


def cell(text):
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def rows(fields, required, prefix=""):
    for name, field in fields.items():
        # The type's own text stands above the table.
        says = [field["description"]] if "description" in field and "const" not in field else []
        says += [f"`{value}`: {text}" for value, text in zip(field.get("enum", []), field.get("enumDescriptions", []))]
        says += limits(field)
        mark = "yes" if name in required else ""
        yield f"| `{prefix}{name}` | {cell(kind(field))} | {mark} | {cell('; '.join(says))} |"
        yield from inner(field, f"{prefix}{name}")


def inner(field, name):
    """The fields of what a field takes: of itself, of each value of a map, of each item of a list, of each choice."""
    values, items = field.get("additionalProperties"), field.get("items")
    if field.get("properties"):
        yield from rows(field["properties"], field.get("required", []), f"{name}.")
    if isinstance(values, dict):
        yield from inner(values, f"{name}.NAME")
    if isinstance(items, dict):
        yield from inner(items, f"{name}[]")
    for choice in field.get("anyOf", []) + field.get("oneOf", []):
        yield from inner(choice, name)


def table(of):
    print("\n| field | takes | needed | |\n|---|---|---|---|")
    print("\n".join(rows(of.get("properties", {}), of.get("required", []))))
    for pattern, field in of.get("patternProperties", {}).items():
        if field:
            print(f"| names like `{cell(pattern)}` | {cell(kind(field))} | | {cell(field.get('description', ''))} |")


print("# The stack file\n")
print("Made from the program's own JSON Schema by `make docs`. Editors complete and check the file with the same schema: `deployer schema`.")
print("Fields that begin with `x-` are yours everywhere. A reference such as `${service.component.output}` is a dependency.\n")
print("## stack.yaml")
table(schema)
for name in ["service", *TYPES]:
    of = definitions[name]
    print(f"\n## {name}\n")
    says = of.get("description") or of.get("properties", {}).get("type", {}).get("description", "")
    if says:
        print(says.strip().replace("<", "&lt;"))
    table(of)
