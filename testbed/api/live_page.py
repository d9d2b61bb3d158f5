"""The page that shows a served network while it runs, what the page asks for, and the metrics.

The page is one file with its style and its script in it; it loads nothing and speaks to this server alone.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Response

from testbed.api.counters import CountingMiddleware, ServerCounters
from testbed.api.live_monitor import LiveMonitor
from testbed.api.prometheus import CONTENT_TYPE, NetworkMetrics
from testbed.api.view_access import ViewAccess
from testbed.live.feed import feed

PAGE = Path(__file__).parent / "page" / "index.html"
_INLINE = re.compile(r"<(style|script)>(.*?)</\1>", re.DOTALL)
_NOT_KEPT = {"Cache-Control": "no-store"}


def page_headers(page: str) -> dict[str, str]:
    """What a browser is told: to take the page's own style and script, by their hashes, and nothing else."""
    allowed: dict[str, list[str]] = {"style": [], "script": []}
    for kind, text in _INLINE.findall(page):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        allowed[kind].append(f"'sha256-{digest}'")
    rules = [
        "default-src 'none'",
        f"style-src {' '.join(allowed['style'])}",
        f"script-src {' '.join(allowed['script'])}",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    return {
        "Content-Security-Policy": "; ".join(rules),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        **_NOT_KEPT,
    }


def add_views(
    app: FastAPI,
    monitor: LiveMonitor,
    counters: ServerCounters,
    *,
    served: dict[str, str],
    build: dict[str, str],
    freely: bool,
) -> None:
    """Add the page and the metrics to an application, and count what it answers from now on.

    `served` says what is served, to the page, and `build` to the metrics. Without `freely` whoever looks
    needs a token.
    """
    metrics = NetworkMetrics(monitor, counters, app.state.outbox, build)
    app.include_router(page_router(monitor, metrics, ViewAccess(app.state.gate, freely=freely), served))
    app.add_middleware(CountingMiddleware, counters=counters)


def page_router(
    monitor: LiveMonitor, metrics: NetworkMetrics, view_access: ViewAccess, served: dict[str, str]
) -> APIRouter:
    """`/`, `/testbed/v1/live` and `/metrics`; `served` names what is served.

    The page itself says nothing of the network: it is for everybody.
    """
    router = APIRouter(tags=["Testbed"], include_in_schema=False)
    page = PAGE.read_text(encoding="utf-8")
    headers = page_headers(page)
    may_look = [Depends(view_access.admit)]

    @router.get("/", operation_id="showPage")
    async def show_page() -> Response:
        return Response(page, media_type="text/html", headers=headers)

    @router.get("/testbed/v1/live", operation_id="showLive", dependencies=may_look)
    async def show_live(answer: Response) -> dict[str, Any]:
        answer.headers.update(_NOT_KEPT)
        return {"served": served, **feed(monitor.view)}

    @router.get("/metrics", operation_id="showMetrics", dependencies=may_look)
    async def show_metrics() -> Response:
        await monitor.refresh()
        return Response(metrics.text(), media_type=CONTENT_TYPE, headers=_NOT_KEPT)

    return router
