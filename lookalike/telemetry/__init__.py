"""What a process tells of itself while it runs.

logs     events with fields, one line each
probes   /metrics, /healthz and /readyz beside a worker or a relay
tracing  one trace from enqueue to commit; the only file that imports OpenTelemetry
"""

__all__: list[str] = []
