"""The page where a person lets a command in.

The code, who asks, yes or no.

One document without anything from elsewhere. Its script and its style are named by their hashes in
the Content-Security-Policy, so that nothing else of the page is ever run.
"""

import base64
import hashlib
from typing import Final

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 28rem; margin: 4rem auto; padding: 0 1rem }
label, button, input { display: block; width: 100%; box-sizing: border-box; font: inherit }
input { padding: .5rem; margin: .2rem 0 1rem } button { padding: .6rem; margin: .5rem 0 }
[hidden] { display: none } #told { min-height: 1.5em; font-weight: 600 }
"""
_SCRIPT: Final = """
'use strict';
const at = (id) => document.getElementById(id);
let csrf = null;
at('code').value = new URLSearchParams(location.search).get('code') || '';

function tell(text) { at('told').textContent = text; }
function show(id) {
  for (const one of ['enter', 'login', 'change', 'decide']) at(one).hidden = one !== id;
}

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

function place(rest) {
  return '/v1/device/' + encodeURIComponent(at('code').value.trim()) + (rest || '');
}

async function look() {
  tell('');
  try {
    if (!csrf) csrf = (await ask('GET', '/v1/session')).csrf_token;
  } catch (error) {
    if (error.status !== 401) return tell(error.message);
    return show('login');
  }
  try {
    const asked = await ask('GET', place());
    at('who').textContent = asked.client;
    at('where').textContent = asked.address;
    show('decide');
  } catch (error) {
    show('enter');
    tell(error.message);
  }
}

async function logIn() {
  const body = { email: at('email').value, password: at('password').value };
  if (at('second').value) body.code = at('second').value;
  try {
    const told = await ask('POST', '/v1/login', body);
    if (told.state === 'totp_required') {
      at('factor').hidden = false;
      return tell('Type the code of your second factor, too.');
    }
    csrf = told.csrf_token;
    if (!told.must_change_password) return await look();
    show('change');
    tell('That password was for one login. Choose your own.');
  } catch (error) { tell(error.message); }
}

async function change() {
  const body = { current_password: at('password').value, new_password: at('chosen').value };
  try {
    await ask('PUT', '/v1/session/password', body);
    await look();
  } catch (error) { tell(error.message); }
}

async function decide(what, body, told) {
  try {
    await ask('POST', place(what), body);
    show('');
    tell(told);
  } catch (error) { tell(error.message); }
}

function onSubmit(id, work) {
  at(id).addEventListener('submit', (event) => { event.preventDefault(); work(); });
}
onSubmit('enter', look);
onSubmit('login', logIn);
onSubmit('change', change);
onSubmit('decide', () => decide('/approve', {}, 'The command is let in. You can close this page.'));
at('no').addEventListener('click', () => decide('/deny', undefined, 'The command was refused.'));
"""

PAGE: Final = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Faregate: let a command in</title>
<style>{_STYLE}</style>
<h1>Let a command in</h1>
<p id="told" role="status"></p>
<form id="enter">
<label for="code">The code that the command shows</label>
<input id="code" autocomplete="off" autocapitalize="characters" spellcheck="false" required>
<button>Go on</button>
</form>
<form id="login" hidden>
<label for="email">E-mail address</label>
<input id="email" type="email" autocomplete="username" required>
<label for="password">Password</label>
<input id="password" type="password" autocomplete="current-password" required>
<div id="factor" hidden><label for="second">Code of the second factor</label>
<input id="second" inputmode="numeric" autocomplete="one-time-code"></div>
<button>Log in</button>
</form>
<form id="change" hidden>
<label for="chosen">A password of your own, of 12 characters or more</label>
<input id="chosen" type="password" autocomplete="new-password" required>
<button>Change it</button>
</form>
<form id="decide" hidden>
<p><strong id="who"></strong> at the address <strong id="where"></strong> wants to act as you.
Is it you who runs it, now?</p>
<button>Let it in</button>
<button id="no" type="button">Refuse it</button>
</form>
<script>{_SCRIPT}</script>
</html>
"""


def _hashed(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


POLICY: Final = (
    f"default-src 'none'; script-src 'sha256-{_hashed(_SCRIPT)}'; "
    f"style-src 'sha256-{_hashed(_STYLE)}'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
