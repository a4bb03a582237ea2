// The start page: what each choice means now. Without JavaScript it shows what was known when it was loaded.
"use strict";

const form = document.getElementById("spawn_form");
const options = form.querySelector("details.wp-options");
// With the three seconds that numbers may be old when they come, ten at most.
const EVERY = 6_000;
let asked = 0;
let timer = 0;

/** Return the form's fields as a query; what is empty is left out, as the server takes it. */
function fields() {
  const query = new URLSearchParams();
  for (const [key, value] of new FormData(form)) {
    if (value && key !== "_xsrf") query.append(key, value);
  }
  return query;
}

/** Show a text; one that is the same is left alone, so that nobody has it read out twice. */
function show(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** Show what is known of every flavour, and of the one that is chosen. */
function showChoices(known) {
  for (const element of form.querySelectorAll("[data-live]")) {
    // The big button sends nothing of the form below it, so that it is a choice of its own.
    const name = element.dataset.live;
    const choice = name === "quick-start" ? known.quick : known.choices[name];
    if (!choice) continue;
    show(element, choice.line);
    element.classList.toggle("wp-refused", choice.refused);
  }
  for (const element of form.querySelectorAll("[data-free]")) {
    if (known.free[element.dataset.free]) show(element, known.free[element.dataset.free]);
  }
  const chosen = known.choices[form.elements.flavour.value];
  if (!chosen) return;
  show(document.getElementById("this-request-text"), known.note || chosen.line);
  document.getElementById("script").hidden = !chosen.header;
  show(document.getElementById("script-text"), `#!/bin/bash\n${chosen.header}`);
}

/** Ask the Hub, and show the answer unless a later question was asked meanwhile. */
async function ask() {
  clearTimeout(timer);
  const mine = ++asked;
  const answer = await fetch(`${form.dataset.choices}?${fields()}`).catch(() => null);
  if (mine !== asked) return;
  const known = answer ? await answer.json().catch(() => ({})) : {};
  if (known.choices) showChoices(known);
  else if (known.refused) show(document.getElementById("this-request-text"), known.refused);
  timer = setTimeout(again, EVERY);
}

/** Ask again, if anybody looks. */
function again() {
  if (document.hidden || document.body.classList.contains("wp-sending")) timer = setTimeout(again, EVERY);
  else ask();
}

/** Ask a moment after the last change, so that typing a number asks once. */
function soon() {
  clearTimeout(timer);
  timer = setTimeout(ask, 300);
}

const copy = document.getElementById("copy-script");
if (copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById("script-text").textContent);
    copy.textContent = copy.dataset.done;
  });
}
if (document.getElementById("this-request")) {
  form.addEventListener("input", soon);
  document.addEventListener("visibilitychange", () => document.hidden || soon());
  options.addEventListener("toggle", () => options.open && soon());
  ask();
}
