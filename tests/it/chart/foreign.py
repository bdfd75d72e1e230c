"""Documents of other projects' kinds (JSON, a list, on the standard input), checked against the types
that are made from these projects' schemas. Prints a line for each mistake.

A key that the types do not have is lost on the way through them: so what comes back must be what went
in.
"""

import json
import sys

from cloudcoil.models.keda import v1alpha1 as keda
from cloudcoil.models.prometheus_operator import v1 as prometheus

KINDS = {
    "ScaledObject": keda.ScaledObject,
    "TriggerAuthentication": keda.TriggerAuthentication,
    "ServiceMonitor": prometheus.ServiceMonitor,
}


def lost(path, given, back):
    """The places of what did not come back."""
    if isinstance(given, dict) and isinstance(back, dict):
        for key, value in given.items():
            if key not in back:
                yield f"{path}.{key}: there is no such key"
            else:
                yield from lost(f"{path}.{key}", value, back[key])
    elif isinstance(given, list) and isinstance(back, list) and len(given) == len(back):
        for at, pair in enumerate(zip(given, back)):
            yield from lost(f"{path}[{at}]", *pair)
    elif given != back:
        yield f"{path}: {given!r} is read as {back!r}"


for document in json.load(sys.stdin):
    name = f"{document['kind']} {document['metadata']['name']}"
    try:
        read = KINDS[document["kind"]].model_validate(document)
    except ValueError as error:
        print(f"{name}: {error}")
        continue
    back = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for mistake in lost(name, document, back):
        print(mistake)
