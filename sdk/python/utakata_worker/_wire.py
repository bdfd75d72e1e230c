"""The messages of worker.proto, made from its description: no code is generated."""

from google.protobuf import descriptor_pool, message_factory

from ._descriptor import DESCRIPTOR

METHOD = "/utakata.worker.v1.Manager/Work"
#: The versions of the protocol that are spoken here.
VERSIONS = [1, 2]
#: Control begins on a go from this version on.
WITH_GO = 2

_pool = descriptor_pool.DescriptorPool()
_pool.AddSerializedFile(DESCRIPTOR)


def _message(name):
    descriptor = _pool.FindMessageTypeByName(f"utakata.worker.v1.{name}")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return _factory.GetPrototype(descriptor)


def _values(name):
    enum = _pool.FindEnumTypeByName(f"utakata.worker.v1.{name}")
    prefix = f"{name.upper()}_"
    return {value.name.removeprefix(prefix).lower(): value.number for value in enum.values}


if not hasattr(message_factory, "GetMessageClass"):
    _factory = message_factory.MessageFactory(_pool)

FromWorker = _message("FromWorker")
ToWorker = _message("ToWorker")
Hello = _message("Hello")
Outcomes = _message("Outcomes")
AttemptOutcome = _message("AttemptOutcome")
Heartbeat = _message("Heartbeat")
Missing = _message("Missing")
Problem = _message("Problem")
Reading = _message("Reading")
Ready = _message("Ready")
ReadyAttempt = _message("ReadyAttempt")

STATUS = _values("Status")
CURE = _values("Cure")
