"""Write a worker of utakata in Python: actions are functions, the rest is done here.

    from utakata_worker import Reading, Worker

    worker = Worker()

    @worker.action("read")
    async def read(task):
        return [Reading("hw.temperature", 21.5, "Cel")]

    worker.main()
"""

from ._types import Answer, Failure, Missing, NotSent, Reading, Task, Unknown
from ._worker import Worker

__all__ = ["Answer", "Failure", "Missing", "NotSent", "Reading", "Task", "Unknown", "Worker"]
