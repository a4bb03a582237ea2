// The page of access keys: ask for one, and show it once.
"use strict";

const form = document.getElementById("request-token-form");

/** Return what the form asks for, as JupyterHub's API takes it. */
function asked() {
  const scopes = document.getElementById("token-scopes").value.split(/[\s,]+/).filter(Boolean);
  return {
    note: document.getElementById("token-note").value,
    expires_in: Number(document.getElementById("token-expiration-seconds").value),
    ...(scopes.length && { scopes }),
  };
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const area = document.getElementById("token-area");
  const failed = document.getElementById("request-failed");
  const answer = await fetch(form.dataset.api, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(asked()),
  }).catch(() => null);
  failed.hidden = Boolean(answer?.ok);
  area.hidden = !answer?.ok;
  if (answer?.ok) {
    document.getElementById("token-result").textContent = (await answer.json()).token;
    form.reset();
  }
});
