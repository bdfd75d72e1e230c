"""Evaluates a ValidatingAdmissionPolicy as the API server does: the rules of CEL, over pods.

Standard input: {"policy": {...}, "pods": [{...}, ...]}. Standard output: for each pod the messages
of the rules that deny it. A rule that cannot be evaluated denies, as failurePolicy: Fail does.
"""

import json
import sys

import celpy
from celpy import json_to_cel
from celpy.celtypes import MapType, StringType

ENVIRONMENT = celpy.Environment()


def evaluate(expression, activation):
    program = ENVIRONMENT.program(ENVIRONMENT.compile(expression))
    return program.evaluate(activation)


def denials(spec, pod):
    activation = {"object": json_to_cel(pod)}
    variables = MapType()
    for one in spec["variables"]:
        variables[StringType(one["name"])] = evaluate(one["expression"], activation)
    activation["variables"] = variables
    for one in spec["validations"]:
        try:
            is_admitted = bool(evaluate(one["expression"], activation))
        except celpy.CELEvalError:
            is_admitted = False
        if not is_admitted:
            yield one["message"]


asked = json.load(sys.stdin)
answer = [list(denials(asked["policy"]["spec"], pod)) for pod in asked["pods"]]
json.dump(answer, sys.stdout)
