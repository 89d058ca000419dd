"""The page where a person lets a command in.

The code, who asks, yes or no.
"""

from typing import Final

from faregate.control.pages import html_page

_SCRIPT: Final = """
at('code').value = new URLSearchParams(location.search).get('code') || '';

function show(id) {
  for (const one of ['enter', 'login', 'change', 'decide']) at(one).hidden = one !== id;
}

function place(rest) {
  return '/v1/device/' + encodeURIComponent(at('code').value.trim()) + (rest || '');
}

async function look() {
  try {
    if (!csrf) csrf = (await ask('GET', '/v1/session')).csrf_token;
  } catch (error) {
    if (error.status !== 401) throw error;
    show('login');
    return await offer();
  }
  try {
    const asked = await ask('GET', place());
    at('who').textContent = asked.client;
    at('where').textContent = asked.address;
    show('decide');
  } catch (error) {
    show('enter');
    throw error;
  }
}

async function offer() {
  const back = '/device?code=' + encodeURIComponent(at('code').value.trim());
  const links = (await ask('GET', '/v1/single-sign-on')).items.map((one) => {
    const link = document.createElement('a');
    link.href = one.start_url + '?return_to=' + encodeURIComponent(back);
    link.textContent = 'Log in with ' + one.title;
    const line = document.createElement('p');
    line.append(link);
    return line;
  });
  at('providers').replaceChildren(...links);
}

async function logIn() {
  const body = { email: at('email').value, password: at('password').value };
  if (at('second').value) body.code = at('second').value;
  const told = await ask('POST', '/v1/login', body);
  if (told.state === 'totp_required') {
    at('factor').hidden = false;
    return tell('Type the code of your second factor, too.');
  }
  csrf = told.csrf_token;
  if (!told.must_change_password) return await look();
  show('change');
  tell('That password was for one login. Choose your own.');
}

async function change() {
  const body = { current_password: at('password').value, new_password: at('chosen').value };
  await ask('PUT', '/v1/session/password', body);
  await look();
}

async function decide(what, body, told) {
  await ask('POST', place(what), body);
  show('');
  tell(told);
}

onSubmit('enter', look);
onSubmit('login', logIn);
onSubmit('change', change);
onSubmit('decide', () => decide('/approve', {}, 'The command is let in. You can close this page.'));
at('no').addEventListener('click', () => {
  decide('/deny', undefined, 'The command was refused.').catch((error) => tell(error.message));
});
"""
_BODY: Final = """<form id="enter">
<label for="code">The code that the command shows</label>
<input id="code" autocomplete="off" autocapitalize="characters" spellcheck="false" required>
<button>Go on</button>
</form>
<form id="login" hidden>
<div id="providers"></div>
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
</form>"""

DEVICE: Final = html_page("Let a command in", _BODY, _SCRIPT)
