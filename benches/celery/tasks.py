"""The same work as the echo worker's, as a Celery application: 300 bytes in, 200 out."""

import os

from celery import Celery

app = Celery("tasks", broker=os.environ["BROKER"], backend="rpc://")
app.conf.update(
    # A task whose worker dies is done again, as utakata does.
    task_acks_late=True,
    task_default_queue="celery-bench",
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=16,
    result_persistent=False,
)


@app.task
def echo(payload):
    return payload[:200]
