"""Pages for people: one document each, without anything from elsewhere.

Script and style are named by their hashes in the Content-Security-Policy, so that nothing else of
a page is ever run.
"""

import base64
import hashlib
from typing import Final, NamedTuple

from starlette.responses import Response

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 28rem; margin: 4rem auto; padding: 0 1rem }
label, button, input { display: block; width: 100%; box-sizing: border-box; font: inherit }
input { padding: .5rem; margin: .2rem 0 1rem } button { padding: .6rem; margin: .5rem 0 }
[hidden] { display: none } #told { min-height: 1.5em; font-weight: 600 }
"""
# What all scripts begin with.
_COMMON: Final = """
'use strict';
const at = (id) => document.getElementById(id);
let csrf = null;

function tell(text) { at('told').textContent = text; }

async function ask(method, path, body) {
  const headers = { 'Accept': 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (csrf) headers['X-CSRF-Token'] = csrf;
  const reply = await fetch(path, {
    method, headers, credentials: 'same-origin',
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await reply.text();
  const told = text ? JSON.parse(text) : {};
  if (!reply.ok) throw Object.assign(new Error(told.detail || reply.statusText), told);
  return told;
}

function onSubmit(id, work) {
  at(id).addEventListener('submit', async (event) => {
    event.preventDefault();
    tell('');
    try { await work(); } catch (error) { tell(error.message); }
  });
}
"""


class HtmlPage(NamedTuple):
    """A page, and the Content-Security-Policy that lets nothing but it run."""

    html: str
    policy: str
    script: str

    def served(self) -> Response:
        """The reply that shows it."""
        headers = {"Content-Security-Policy": self.policy, "Cache-Control": "no-store"}
        return Response(self.html, 200, headers, "text/html")


def html_page(title: str, body: str, script: str) -> HtmlPage:
    """The page of a title and its elements.

    `script` is what it adds to the common one.
    """
    whole = _COMMON + script
    html = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Faregate: {title.lower()}</title>
<style>{_STYLE}</style>
<h1>{title}</h1>
<p id="told" role="status"></p>
{body}
<script>{whole}</script>
</html>
"""
    policy = (
        f"default-src 'none'; script-src 'sha256-{_hashed(whole)}'; "
        f"style-src 'sha256-{_hashed(_STYLE)}'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    return HtmlPage(html, policy, whole)


def _hashed(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
