// A certified OpenID provider whose users are whoever types a name: its claims follow from it.
// Arguments: the redirect address of its one client. Prints its issuer when it listens.
import http from "node:http";
import Provider from "oidc-provider";

const [redirect] = process.argv.slice(2);
const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "faregate",
        client_secret: "a-secret-of-the-tests-that-is-long",
        redirect_uris: [redirect],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ["keys", "of", "tests"] },
    async findAccount(_context, id) {
      const [name, ...groups] = id.split("+");
      return {
        accountId: id,
        async claims() {
          return {
            sub: id,
            name,
            email: `${name}@example.com`,
            email_verified: !groups.includes("unverified"),
            groups,
          };
        },
      };
    },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
process.stdin.on("end", () => process.exit(0)).resume();
