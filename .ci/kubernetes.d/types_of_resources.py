"""Reads TypeScript declarations that were generated from Kubernetes' custom resources back into JSON schemas: strict ones, which
refuse what they do not know. Two packages carry such declarations; neither carries the schemas themselves."""
import re

COMMENT = re.compile(r"/\*\*(?:(?!\*/).)*\*/\s*", re.S)
# What a property is called in the manifest, where the declaration calls it otherwise: `@schema ClusterSpecPostgresql#pg_hba`.
NAMED = re.compile(r"/\*\*(?:(?!\*/).)*@schema \w+#(\S+)\s*\*/\s*", re.S)
INTERFACE = re.compile(r"export (?:declare )?interface (\w+)(?: extends ([\w, ]+))? \{\n(.*?)^\}", re.S | re.M)
PROPERTY = re.compile(r'(?:«(\S+)»)?(?:readonly )?"?([\w$]+)"?(\??): ((?:\{[^{}]*\}|[^;{}])+);')
ENUM = re.compile(r"export declare enum (\w+) \{(.*?)^\}", re.S | re.M)
ALIAS = re.compile(r"export type (\w+) = ([^;{}]+);")
QUANTITY = re.compile(r"export declare class (\w+) \{")
EITHER = {"type": ["string", "number"]}


def definitions(text):
    """Every named type of the declarations, as a schema."""
    found = {name: EITHER for name in QUANTITY.findall(text)}
    for name, body in ENUM.findall(text):
        found[name] = {"enum": re.findall(r'= "([^"]*)"', body)}
    for name, of in ALIAS.findall(text):
        found[name] = schema(of)
    parents = {}
    for name, above, body in INTERFACE.findall(text):
        properties, required = {}, []
        for real, declared, optional, kind in PROPERTY.findall(COMMENT.sub("", NAMED.sub(r"«\1»", body))):
            properties[real or declared] = schema(kind)
            if not optional:
                required.append(real or declared)
        found[name] = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        parents[name] = [short(parent.strip()) for parent in above.split(",") if parent.strip()]

    def inherit(name):
        for parent in parents.pop(name, []):
            inherit(parent)
            if "properties" in found.get(parent, {}):
                found[name]["properties"] = found[parent]["properties"] | found[name]["properties"]
                found[name]["required"] = found[parent]["required"] + found[name]["required"]

    for name in list(parents):
        inherit(name)
    return found


def schema(kind):
    """The schema of one type expression."""
    kind = kind.strip()
    if inner := re.fullmatch(r"Array<(.*)>|(.*)\[\]", kind, re.S):
        return {"type": "array", "items": schema(inner[1] or inner[2])}
    if inner := re.fullmatch(r"\{\s*\[key: string\]: (.*?);?\s*\}", kind, re.S):
        return {"type": "object", "additionalProperties": schema(inner[1])}
    if "|" in kind:
        return {"anyOf": [schema(part) for part in kind.split("|")]}
    if kind.startswith('"'):
        return {"const": kind.strip('"')}
    if kind in ("string", "number", "boolean"):
        return {"type": kind}
    if kind in ("any", "Date"):
        return {}
    if kind.endswith("IntOrString"):
        return EITHER
    if kind == "ApiObjectMetadata":
        kind = "IIoK8sApimachineryPkgApisMetaV1ObjectMeta"
    if kind.startswith("IIoK8s"):
        return {"$ref": "kubernetes:" + kind[1:].lower()}
    return {"$ref": "#/$defs/" + short(kind)}


def short(kind):
    """`IComGithub…V1Rule`, as other files name what its own calls `IRule`."""
    return re.sub(r"^ICom\w+?V\d(?:alpha\d|beta\d)?(?=[A-Z])", "I", kind)
