"""From view data to bytes: templates, the style sheet inlined, the content security policy that names it."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from cardembed.conformance.report.view import ReportView

__all__ = ["lay_out", "policy"]


@cache
def _style() -> str:
    text = resources.files("cardembed.conformance.report").joinpath("style.css").read_text("utf-8")
    return "\n" + "\n".join(text.splitlines()) + "\n"


def policy(style: str) -> str:
    """A content security policy under which the page loads nothing, runs nothing and sends nothing.

    Only the one style sheet with this digest applies; images are the data URIs within the page.
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("cardembed.conformance.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def lay_out(view: ReportView) -> str:
    """The page as HTML; equal view data give equal text."""
    style = _style()
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            view=view,
            style=Markup(style),
            policy=policy(style),
        )
    )
