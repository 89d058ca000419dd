"""The pages that links of invitations and of new passwords lead to.

The link's token stands behind the `#`: no browser sends that anywhere, so the script hands it over
itself.
"""

from typing import Final

from faregate.control.pages import html_page

_BEGIN: Final = """
const token = new URLSearchParams(location.hash.slice(1)).get('token') || '';
history.replaceState(null, '', location.pathname);

function end(text) { at('choose').hidden = true; tell(text); }
"""
_ACCEPT: Final = (
    _BEGIN
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

onSubmit('choose', async () => {
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
    _BEGIN
    + """
onSubmit('choose', async () => {
  await ask('POST', '/v1/password-resets/use', { token, new_password: at('password').value });
  end('The password is changed, and all logins with the old one have ended.');
});
"""
)
_ACCEPT_FORM: Final = """<form id="choose" hidden>
<p id="what"></p>
<div id="named"><label for="name">Your name</label>
<input id="name" autocomplete="name"></div>
<label id="label" for="password">A password, of 12 characters or more</label>
<input id="password" type="password" autocomplete="new-password" required>
<div id="factor" hidden><label for="second">Code of the second factor</label>
<input id="second" inputmode="numeric" autocomplete="one-time-code"></div>
<button>Accept</button>
</form>"""
_RESET_FORM: Final = """<form id="choose">
<label for="password">A new password, of 12 characters or more</label>
<input id="password" type="password" autocomplete="new-password" required>
<button>Change it</button>
</form>"""

INVITATION: Final = html_page("Accept an invitation", _ACCEPT_FORM, _ACCEPT)
PASSWORD_RESET: Final = html_page("Choose a new password", _RESET_FORM, _RESET)
