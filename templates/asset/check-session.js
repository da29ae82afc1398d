// Answers an app's page (Session Management 1.0, section 3.2): is the login still the one of this session_state? The page sends
// "client_id session_state"; the salt follows the last dot. Nothing else is said, to nobody else. Where nobody is signed in, every
// answer is "changed": a digest of no state can be made by anybody, and would tell a stranger that there is none.
"use strict";
const browserState = () => {
  const found = document.cookie.split("; ").find((pair) => /^(__Host-)?countersign-state=/.test(pair));
  return found ? found.slice(found.indexOf("=") + 1) : "";
};
const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const compare = async (message, origin) => {
  const [client, state, more] = typeof message === "string" ? message.split(" ") : [];
  const salt = state && state.includes(".") ? state.slice(state.lastIndexOf(".") + 1) : "";
  if (!client || !salt || more !== undefined) return "error";
  const now = browserState();
  if (!now) return "changed";
  const text = new TextEncoder().encode(`${client} ${origin} ${now} ${salt}`);
  const hashed = base64url(await crypto.subtle.digest("SHA-256", text));
  return `${hashed}.${salt}` === state ? "unchanged" : "changed";
};
window.addEventListener("message", async (event) => {
  if (!event.source || event.origin === "null") return;
  // Without a secure context there is no digest.
  const answer = await compare(event.data, event.origin).catch(() => "error");
  event.source.postMessage(answer, event.origin);
});
