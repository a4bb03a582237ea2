// The waiting page: what the spawner says as it says it, and how long it has been.
"use strict";

const page = document.getElementById("waiting");
const message = document.getElementById("progress-message");
const bar = document.getElementById("progress-bar");
const log = document.getElementById("progress-log");
const began = Date.now() - 1000 * Number(page.dataset.waited);
// What the page says by itself stands for the first event, which JupyterHub words in English.
const FIRST = "Server requested";
let latest = "";

/** Show how long it has been, as 0:45 or 1:02:30. */
function showWaited() {
  const seconds = Math.floor((Date.now() - began) / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const text = hours ? `${hours}:${two(minutes % 60)}` : `${minutes}`;
  document.getElementById("waited").textContent = `${text}:${two(seconds % 60)}`;
}

/** Show an event's sentence, and keep it in the log; a sentence that is repeated is shown once. */
function say(event) {
  const text = event.html_message ?? event.message;
  if (!text || text === latest || text === FIRST) return;
  latest = text;
  const entry = document.createElement("li");
  for (const element of [message, entry]) {
    // The spawner's html_message is markup of ours, as JupyterHub has it; a message is never markup.
    if (event.html_message) element.innerHTML = text;
    else element.textContent = text;
  }
  log.append(entry);
}

/** Show what else an event says: what to do, the place, until when, and what could start now. */
function detail(event) {
  for (const key of ["advice", "place", "expected", "slurm"]) {
    const element = document.getElementById(`progress-${key}`);
    // Only what changed: a screen reader reads it out.
    if (event[key] !== undefined && element.textContent !== event[key]) element.textContent = event[key];
    if (event[key] !== undefined) element.hidden = !event[key];
  }
  if (event.smaller === undefined) return;
  document.getElementById("smaller").hidden = !event.smaller;
  document.getElementById("smaller-button").value = event.smaller;
  document.getElementById("smaller-title").textContent = event.smaller_title;
}

/** Ask until the Hub answers, then load this page again: it knows what became of the server. */
async function reloadWhenBack() {
  document.getElementById("contact-lost").hidden = false;
  const answer = await fetch(location.href, { method: "GET", redirect: "manual" }).catch(() => null);
  if (answer && answer.status < 502) location.reload();
  else setTimeout(reloadWhenBack, 4000);
}

function listen() {
  const source = new EventSource(page.dataset.progress);
  source.onmessage = (received) => {
    const event = JSON.parse(received.data);
    document.getElementById("contact-lost").hidden = true;
    if (event.failed || event.ready) {
      source.close();
      // Ready: the Hub sends us on to the server. Failed: it shows why, and where to try again.
      location.reload();
      return;
    }
    // Without a number the bar only shows that something is happening.
    if (event.progress) bar.value = event.progress;
    say(event);
    detail(event);
  };
  source.onerror = () => {
    // The browser itself tries again, unless the Hub refused.
    if (source.readyState === EventSource.CLOSED) setTimeout(reloadWhenBack, 2000);
    else document.getElementById("contact-lost").hidden = false;
  };
  source.onopen = () => {
    document.getElementById("contact-lost").hidden = true;
  };
  // Who presses a button goes on to another page; the end of this start must not call them back.
  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", () => source.close());
  }
}

say({ message: message.textContent });
showWaited();
setInterval(showWaited, 1000);
listen();
