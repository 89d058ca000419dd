"""The pages that links of invitations and of new passwords lead to.

One document each, without anything from elsewhere. The link's token stands behind the `#`: no
browser sends that anywhere, so the script hands it over itself.
"""

import base64
import hashlib
from typing import Final, NamedTuple

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 28rem; margin: 4rem auto; padding: 0 1rem }
label, button, input { display: block; width: 100%; box-sizing: border-box; font: inherit }
input { padding: .5rem; margin: .2rem 0 1rem } button { padding: .6rem; margin: .5rem 0 }
[hidden] { display: none } #told { min-height: 1.5em; font-weight: 600 }
"""
_COMMON: Final = """
'use strict';
const at = (id) => document.getElementById(id);
const token = new URLSearchParams(location.hash.slice(1)).get('token') || '';
history.replaceState(null, '', location.pathname);

function tell(text) { at('told').textContent = text; }
function end(text) { at('choose').hidden = true; tell(text); }

async function ask(method, path, body) {
  const reply = await fetch(path, {
    method, credentials: 'same-origin',
    headers: { 'Accept': 'application/json', 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await reply.text();
  const told = text ? JSON.parse(text) : {};
  if (!reply.ok) throw Object.assign(new Error(told.detail || reply.statusText), told);
  return told;
}

function onSubmit(work) {
  at('choose').addEventListener('submit', async (event) => {
    event.preventDefault();
    tell('');
    try { await work(); } catch (error) { tell(error.message); }
  });
}
"""
_ACCEPT: Final = (
    _COMMON
    + """
async function look() {
  try {
    const shown = await ask('POST', '/v1/invitations/show', { token });
    at('what').textContent = shown.inviter + ' invites ' + shown.email + ' as ' + shown.role
      + (shown.team ? ' of the team ' + shown.team : '') + '.';
    at('label').textContent = shown.is_user ? 'Your password'
      : 'A password, of 12 characters or more';
    at('password').autocomplete = shown.is_user ? 'current-password' : 'new-password';
    at('named').hidden = shown.is_user;
    at('choose').hidden = false;
  } catch (error) { end(error.message); }
}

onSubmit(async () => {
  const body = { token, password: at('password').value, name: at('name').value };
  if (at('second').value) body.code = at('second').value;
  const told = await ask('POST', '/v1/invitations/accept', body);
  if (told.state === 'totp_required') {
    at('factor').hidden = false;
    return tell('Type the code of your second factor, too.');
  }
  end('You are in. To use the commands: faregate login ' + location.origin);
});
look();
"""
)
_RESET: Final = (
    _COMMON
    + """
onSubmit(async () => {
  await ask('POST', '/v1/password-resets/use', { token, new_password: at('password').value });
  end('The password is changed, and all logins with the old one have ended.');
});
"""
)
_FORM: Final = """<form id="choose"{hidden}>
<p id="what"></p>
<div id="named"{without}><label for="name">Your name</label>
<input id="name" autocomplete="name"></div>
<label id="label" for="password">A new password, of 12 characters or more</label>
<input id="password" type="password" autocomplete="new-password" required>
<div id="factor" hidden><label for="second">Code of the second factor</label>
<input id="second" inputmode="numeric" autocomplete="one-time-code"></div>
<button>{button}</button>
</form>"""


class LinkPage(NamedTuple):
    """A page, and the Content-Security-Policy that lets nothing but it run."""

    html: str
    policy: str


def _hashed(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _page(title: str, button: str, script: str, *, shown: bool) -> LinkPage:
    form = _FORM.format(
        hidden="" if shown else " hidden", without=" hidden" if shown else "", button=button
    )
    html = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Faregate: {title.lower()}</title>
<style>{_STYLE}</style>
<h1>{title}</h1>
<p id="told" role="status"></p>
{form}
<script>{script}</script>
</html>
"""
    policy = (
        f"default-src 'none'; script-src 'sha256-{_hashed(script)}'; "
        f"style-src 'sha256-{_hashed(_STYLE)}'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    return LinkPage(html, policy)


INVITATION: Final = _page("Accept an invitation", "Accept", _ACCEPT, shown=False)
PASSWORD_RESET: Final = _page("Choose a new password", "Change it", _RESET, shown=True)
