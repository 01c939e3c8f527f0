"""/metrics: what a Prometheus server reads, with a token like everybody else."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from sipagent.config import Scope

from .doors import Doors, needs

SCOPE: Scope = "system:read"


def router(doors: Doors) -> APIRouter:
    """The route, where the server counts."""
    made = APIRouter(dependencies=[Depends(needs(SCOPE))], tags=["server"])
    exposed = doors.metrics
    if exposed is None:
        return made

    @made.get("/metrics", response_class=MetricsResponse)
    async def get_metrics(request: Request) -> Response:
        """Metrics in the text format of Prometheus, or OpenMetrics."""
        body, kind = exposed(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": kind})

    return made


class MetricsResponse(Response):
    """Text, one sample a line."""

    media_type = "text/plain"
